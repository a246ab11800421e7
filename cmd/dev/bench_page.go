package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"volary.dev/cmd/internal/child"
	"volary.dev/cmd/internal/demo"
	"volary.dev/cmd/internal/postgres"
	"volary.dev/cmd/internal/session"
	"volary.dev/cmd/internal/setup"
	"volary.dev/migrations"
	"volary.dev/store"
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
	cookies, err := session.SignIn(ctx, address, demo.People()[0].Email, demo.Password)
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

// fillPage makes the demo and 20 clusters of four nodes each.
func fillPage(ctx context.Context, databaseURL string) (orgID uuid.UUID, err error) {
	pool, err := setup.Pool(ctx, databaseURL, setup.PoolOptions{Name: "bench", Max: 2})
	if err != nil {
		return orgID, err
	}
	defer pool.Close()
	if err := store.Migrate(ctx, pool, migrations.FS); err != nil {
		return orgID, err
	}
	o := demo.Options{Now: time.Now()} // without images, and so without a past
	o.Hosts, o.Underlay = demo.SimulatedHosts()
	if err := demo.Seed(ctx, pool, o); err != nil {
		return orgID, err
	}
	// Rows as a running platform has them, written directly: what is measured is reading them.
	for _, statement := range pageRows() {
		if _, err := pool.Exec(ctx, statement); err != nil {
			return orgID, fmt.Errorf("rows for the page: %w", err)
		}
	}
	err = pool.QueryRow(ctx, `SELECT organization_id FROM model_clusters`).Scan(&orgID)
	return orgID, err
}

func pageRows() []string { return append(versionRows(), clusterRows()...) }

// versionRows make an image and a published version of one organization.
func versionRows() []string {
	return []string{
		`INSERT INTO images (id, organization_id, person_id, name, size, state, canonical_digest, created_at)
		SELECT gen_random_uuid(), m.organization_id, m.person_id, 'sample.qcow2', 1, 'ready', repeat('0', 64), now()
		  FROM memberships m JOIN people p ON p.id = m.person_id WHERE p.email = 'ada@tidal.example'`,
		`INSERT INTO model_clusters (id, organization_id, name, created_at)
		SELECT gen_random_uuid(), organization_id, 'trial', now() FROM images`,
		`INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, compute_min, compute_max,
		       gate_kind, gate_timeout_seconds, created_at)
		SELECT gen_random_uuid(), organization_id, id, '1.0', 'draft', 1, 8, 'address', 120, now() FROM model_clusters`,
		`INSERT INTO version_roles (version_id, organization_id, role, image_id, vcpus, memory_mib, disk_gib)
		SELECT v.id, v.organization_id, role, i.id, 1, 128, 1
		  FROM model_versions v, images i, unnest(ARRAY['head', 'compute']) role`,
		`UPDATE model_versions SET state = 'published', published_at = now()`,
	}
}

// clusterRows make 20 clusters of the version, all ready.
func clusterRows() []string {
	return []string{
		`INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired,
		       vni, subnet, lease_seconds, lease_ends_at, created_at, ready_at)
		SELECT gen_random_uuid(), v.organization_id, p.provider_id, p.id, v.id, i.person_id, 'cluster', 'trial-' || n, 'running',
		       n, ('10.100.' || n || '.0/24')::cidr, 86400, now() + interval '1 day', now(), now()
		  FROM generate_series(1, 20) n, model_versions v, images i, pools p WHERE p.name = 'north'`,
		`INSERT INTO nodes (id, cluster_id, organization_id, provider_id, host_id, role, name, mac, address, shape_name,
		       vcpus, memory_mib, disk_gib, rate, image_id, image_digest, state, state_at, started_at, ready_at, seen_at)
		SELECT gen_random_uuid(), c.id, c.organization_id, c.provider_id, h.id, CASE n WHEN 0 THEN 'head' ELSE 'compute' END,
		       CASE n WHEN 0 THEN 'head' ELSE 'compute-00' || n END, ('52:54:00:00:00:0' || n)::macaddr,
		       host(network(c.subnet) + 10 + n)::inet, 'tiny', 1, 256, 2, 1000, i.id, i.canonical_digest, 'ready', now(), now(), now(), now()
		  FROM clusters c, generate_series(0, 3) n, images i, (SELECT id FROM hosts LIMIT 1) h`,
	}
}
