package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/cmd/internal/child"
	"volary.dev/cmd/internal/postgres"
	"volary.dev/cmd/internal/session"
	"volary.dev/cmd/internal/setup"
	"volary.dev/migrations"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
	"volary.dev/store/storetest"
)

// benchPage loads the portal's cluster list and the bare one in turns, each in a process of its own over the same rows.
func benchPage(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	note("building")
	if err := c.build(ctx, "web", "dev/bare"); err != nil {
		return ours, theirs, err
	}
	server, stop, err := c.testServer(ctx)
	if err != nil {
		return ours, theirs, err
	}
	defer stop()
	users, drop, err := scratchDatabase(ctx, server)
	if err != nil {
		return ours, theirs, err
	}
	defer drop()
	orgID, err := fillPage(ctx, users.Owner)
	if err != nil {
		return ours, theirs, err
	}
	portal, bare, stopServers, err := c.pageServers(ctx, users.Web, orgID)
	if err != nil {
		return ours, theirs, err
	}
	defer stopServers()
	if err := alike(ctx, portal, bare); err != nil {
		return ours, theirs, err
	}
	note("measuring, %d rounds of %s over %d connections", loadRounds, loadTime, loadConnections)
	a, b, err := compareLoad(ctx, portal, bare)
	return figure{"Volary", a, "requests/s"}, figure{"echo, pgx and templ, bare", b, "requests/s"}, err
}

// pageServers starts both servers and signs in.
func (c checkout) pageServers(ctx context.Context, databaseURL string, orgID uuid.UUID) (portal, bare target, stop func(), err error) {
	if err := os.MkdirAll(c.path("bench"), 0o755); err != nil {
		return portal, bare, nil, err
	}
	if _, err := blob.OpenDirectory(c.path("bench", "blob")); err != nil { // the images of the World have no bytes
		return portal, bare, nil, err
	}
	secret := c.path("bench", "console-secret")
	if err := writeSecret(secret); err != nil {
		return portal, bare, nil, err
	}
	to, err := mailRecipient(c.path("bench", "mail-identity"))
	if err != nil {
		return portal, bare, nil, err
	}
	ports, err := freeAddresses(ctx, 2)
	if err != nil {
		return portal, bare, nil, err
	}
	web := &daemon{name: "The portal", program: c.path("bin", "web"), log: c.path("bench", "web.log"), env: []string{
		"DATABASE_URL=" + databaseURL, "VOLARY_LISTEN=" + ports[0], "VOLARY_BLOB_DIR=" + c.path("bench", "blob"),
		"VOLARY_CONSOLE_SECRET_FILE=" + secret, "VOLARY_MAIL_RECIPIENT=" + to.String(),
		"VOLARY_SIMULATED_HOSTS=true",
	}}
	plain := &daemon{name: "The bare server", program: c.path("bin", "bare"), log: c.path("bench", "bare.log"), env: []string{
		"DATABASE_URL=" + databaseURL, "BARE_LISTEN=" + ports[1], "BARE_ORGANIZATION=" + orgID.String(),
	}}
	stop = func() { web.stop(); plain.stop() }
	address := "http://" + ports[0]
	bare = target{url: "http://" + ports[1] + "/"}
	if err := startDaemon(ctx, web, address+"/sign-in"); err != nil {
		stop()
		return portal, bare, nil, err
	}
	if err := startDaemon(ctx, plain, bare.url); err != nil {
		stop()
		return portal, bare, nil, err
	}
	cookies, err := session.SignIn(ctx, address, storetest.Email, storetest.Password)
	if err != nil {
		stop()
		return portal, bare, nil, err
	}
	return target{url: address + "/org/clusters", cookies: cookies}, bare, stop, nil
}

// freeAddresses finds addresses that nobody listens at now.
func freeAddresses(ctx context.Context, n int) ([]string, error) {
	var addresses []string
	for len(addresses) < n {
		port, err := child.FreePort(ctx)
		if err != nil {
			return nil, err
		}
		if a := fmt.Sprintf("127.0.0.1:%d", port); !slices.Contains(addresses, a) {
			addresses = append(addresses, a)
		}
	}
	return addresses, nil
}

// scratchDatabase makes an empty database on the server, and its users.
func scratchDatabase(ctx context.Context, server string) (users postgres.Users, drop func(), err error) {
	name := "volary_bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	drop = func() { _ = postgres.DropUsers(context.WithoutCancel(ctx), server, name) }
	if users, err = postgres.MakeUsers(ctx, server, name); err != nil {
		drop()
		return users, nil, err
	}
	return users, drop, nil
}

// fillPage makes a World with 20 clusters of four nodes each, all ready.
func fillPage(ctx context.Context, databaseURL string) (orgID uuid.UUID, err error) {
	pool, err := setup.Pool(ctx, databaseURL, setup.PoolOptions{Name: "bench", Max: 2})
	if err != nil {
		return orgID, err
	}
	defer pool.Close()
	if err := store.Migrate(ctx, pool, migrations.FS); err != nil {
		return orgID, err
	}
	err = withFixtures(ctx, func(t testing.TB) {
		w := storetest.NewWorldOver(t, floors.New(pool, store.Options{}), pool)
		for n := range 9 { // hosts for 80 nodes
			w.AddHost(t, len(w.Hosts)+1+n)
		}
		for n := range 20 {
			w.Ready(t, w.Launch(t, fmt.Sprintf("trial-%d", n+1), 3))
		}
		orgID = w.Organization
	})
	return orgID, err
}
