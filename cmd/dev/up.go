package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/cmd/internal/demo"
	"volary.dev/cmd/internal/postgres"
	"volary.dev/cmd/internal/setup"
	"volary.dev/migrations"
	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/lab/sample"
	"volary.dev/store"
	"volary.dev/store/sealing"
)

type upCommand struct {
	Reset bool   `help:"Begin anew: forget the database, the images and the lab's disks."`
	Hosts string `help:"Kind of hosts: lab or memory. Without it the lab where it can run." enum:"lab,memory," default:""`
	Port  int    `help:"Port of the portal." default:"8080"`

	Listen   string `help:"Address that the portal listens at." default:"127.0.0.1"`
	State    string `help:"Folder for everything instead of the checkout's .volary." type:"path"`
	Programs string `help:"Folder of programs built before, instead of building them." type:"existingdir"`
}

// Run starts everything, and stays until a signal or a failure ends it.
func (u upCommand) Run(ctx context.Context) error {
	c, err := openState(u.State)
	if err != nil {
		return err
	}
	free, err := c.lockUp()
	if err != nil {
		return err
	}
	defer free()
	ctx, stop := endWithGoRun(ctx)
	defer stop()
	err = u.run(ctx, c)
	if errors.Is(err, context.Canceled) {
		return nil // to be stopped is how up ends
	}
	return describe(err, c)
}

func (u upCommand) run(ctx context.Context, c checkout) error {
	if err := portFree(ctx, u.Listen, u.Port); err != nil {
		return err
	}
	kind, err := chooseHosts(ctx, os.Stdout, hostKind(u.Hosts))
	if err != nil {
		return err
	}
	if err := c.spaceFor(kind); err != nil {
		return err
	}
	v := &volary{checkout: c, steps: newSteps(os.Stdout), kind: kind, listen: u.Listen, port: u.Port, programs: u.Programs}
	defer v.stop()
	if err := v.writeRunning(running{URL: v.address(), Hosts: kind}); err != nil {
		return err
	}
	if _, err := sweep(ctx, c); err != nil {
		return err
	}
	if u.Reset {
		if os.Getenv("DATABASE_URL") != "" {
			return errors.New("--reset does not empty the database that DATABASE_URL names: empty it yourself, or unset DATABASE_URL")
		}
		if err := v.steps.do("Forget the data", func() (string, error) { return "", c.reset() }); err != nil {
			return err
		}
	}
	if err := v.start(ctx); err != nil {
		return err
	}
	v.greet(ctx)
	return v.watch(ctx)
}

// volary is everything that up starts, in the order of its fields.
type volary struct {
	checkout
	steps    *steps
	kind     hostKind
	listen   string // address
	port     int
	programs string // folder; empty where we build them
	noPast   bool   // the demo begins today
	bare     bool   // no demo, and one host

	users       postgres.Users
	database    keptDatabase
	pool        *pgxpool.Pool
	lab         *lab.Lab // nil with simulated hosts
	sample      string   // path of the sample image
	workerPort  int
	worker, web *daemon
	mailsTo     sealing.Recipient // of the worker's identity
}

func (v *volary) start(ctx context.Context) error {
	built := v.buildInBackground(ctx)
	for _, part := range []struct {
		title string
		run   func(context.Context) (string, error)
		skip  bool
	}{
		{title: "PostgreSQL", run: v.startDatabase},
		{title: "Migrations", run: v.migrate},
		{title: "Programs", run: func(context.Context) (string, error) { return v.buildNote(), <-built }},
		{title: "Four libvirt hosts", run: v.startLab, skip: v.kind != hostsLab},
		{title: "Sample image", run: v.buildSample, skip: !canBuildSample() || v.kind == hostsMemory && v.noPast},
		{title: "Demo", run: v.demo, skip: v.bare},
		{title: "Worker", run: v.startWorker},
		{title: "Web", run: v.startWeb},
	} {
		if part.skip {
			continue
		}
		if err := v.steps.do(part.title, func() (string, error) { return part.run(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

func (v *volary) startDatabase(ctx context.Context) (string, error) {
	if address := os.Getenv("DATABASE_URL"); address != "" {
		var err error
		v.users, err = usersOf(ctx, address)
		return "DATABASE_URL", err
	}
	server, err := postgres.Start(ctx, postgres.Options{Dir: v.path("postgres")})
	if err != nil {
		return "", err
	}
	v.database = keptDatabase{server: server, log: v.path("postgres", "log"), since: time.Now()}
	v.users, err = postgres.MakeUsers(ctx, server.URL(), "volary")
	return "", err
}

// usersOf makes the servers' users for a database that is not ours; who is named by its address stays its owner.
func usersOf(ctx context.Context, address string) (postgres.Users, error) {
	u, err := url.Parse(address)
	if err != nil {
		return postgres.Users{}, errors.New("DATABASE_URL is not of the form postgres://user:password@host:port/name")
	}
	users, err := postgres.MakeUsers(ctx, address, strings.TrimPrefix(u.Path, "/"))
	if err != nil {
		return users, fmt.Errorf("DATABASE_URL has to name the owner of its database, who may make roles (CREATEROLE) for web and worker: %w", err)
	}
	users.Owner = address
	return users, nil
}

func (v *volary) migrate(ctx context.Context) (string, error) {
	pool, err := setup.Pool(ctx, v.users.Owner, setup.PoolOptions{Name: "dev", Max: 4})
	if err != nil {
		return "", err
	}
	v.pool = pool
	if err := store.Migrate(ctx, pool, migrations.FS); err != nil {
		return "", err
	}
	return "", v.limitServers(ctx)
}

// limitServers bounds the servers' users as `volary migrate` does. In a database that is not ours its owner does it, as far
// as they may.
func (v *volary) limitServers(ctx context.Context) error {
	pool := v.pool
	if v.database.server != nil {
		u, err := url.Parse(v.database.server.URL())
		if err != nil {
			return err
		}
		u.Path = "/" + pool.Config().ConnConfig.Database
		if pool, err = setup.Pool(ctx, u.String(), setup.PoolOptions{Name: "dev", Max: 1}); err != nil {
			return err
		}
		defer pool.Close()
	}
	_, err := store.LimitServers(ctx, pool,
		store.ServerLimit{
			Role: store.RoleWeb, Connections: 4 * setup.WebConnections,
			Statement: setup.WebLimits.Statement, Lock: setup.WebLimits.Lock, IdleInTransaction: setup.WebLimits.IdleInTransaction,
		},
		store.ServerLimit{
			Role: store.RoleWorker, Connections: 4 * setup.WorkerConnections,
			Statement: setup.WorkerLimits.Statement, Lock: setup.WorkerLimits.Lock, IdleInTransaction: setup.WorkerLimits.IdleInTransaction,
		})
	return err
}

func (v *volary) startLab(ctx context.Context) (string, error) {
	hosts := demo.Hosts
	if v.bare {
		hosts = 1
	}
	l, err := lab.Start(ctx, lab.Config{Dir: v.path("lab"), Hosts: hosts, HookBinary: v.program("volary")})
	if err != nil {
		return "", err
	}
	v.lab = l
	return l.Prefix().String(), nil
}

// canBuildSample tells whether this machine has what the sample image is made with.
func canBuildSample() bool { return has("qemu-img") && has("apt-get") && has("mke2fs") }

func (v *volary) buildSample(ctx context.Context) (string, error) {
	path, err := sample.Build(ctx, v.sampleCache(), v.steps.note)
	if err != nil && v.kind == hostsMemory && ctx.Err() == nil {
		return "not made, and simulated hosts do without: " + err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	v.sample = v.path("sample.qcow2")
	_ = os.Remove(v.sample)
	return v.sample, os.Symlink(path, v.sample)
}

// sampleCache is the checkout's wherever there is one: the image takes a while to make and is the same for all.
func (c checkout) sampleCache() string {
	if c.root == "" {
		return c.path("sample")
	}
	return filepath.Join(c.root, ".volary", "sample")
}

func (v *volary) address() string { return fmt.Sprintf("http://127.0.0.1:%d", v.port) }

// greet says where Volary is and who may sign in.
func (v *volary) greet(ctx context.Context) {
	fmt.Printf("\nVolary answers at %s (%s).\n", v.address(), v.steps.total())
	if v.kind == hostsMemory {
		fmt.Println("Its hosts are simulated: clusters start and end, and no machine runs.")
	}
	if lacks := v.unchecked(ctx); lacks != "" {
		fmt.Println("Uploads stay unverified: " + lacks)
	}
	fmt.Printf("\nSign in, with the password %q, as\n", demo.Password)
	for _, p := range demo.People() {
		fmt.Printf("  %-22s %s\n", p.Email, p.Does)
	}
	if v.sample != "" {
		fmt.Printf("\nA small Linux to upload: %s\n", v.sample)
	}
	fmt.Printf("\nMails are not sent. The newest link that was written to somebody is shown by\n  %s\n", v.mailCommand("ada@tidal.example"))
	fmt.Println("\nCtrl-C ends it; its data stays in .volary/.")
}

// unchecked is what lacks for uploads to be checked here, and what to do; empty: nothing.
func (v *volary) unchecked(ctx context.Context) string {
	switch {
	case !has("qemu-img"):
		return "qemu-img is not installed (Debian: qemu-utils)."
	case !has("xz"):
		return "xz is not installed (Debian: xz-utils)."
	}
	if said, err := exec.CommandContext(ctx, v.program("worker"), "sandbox").CombinedOutput(); err != nil {
		return strings.TrimSpace(string(said))
	}
	return ""
}

// mailCommand is a line for a shell that shows the newest link in a mail to somebody: all that it needs is in it.
func (v *volary) mailCommand(email string) string {
	return strings.Join([]string{
		"DATABASE_URL=" + shellQuoted(v.users.Owner), "VOLARY_MAIL_IDENTITY_FILE=" + shellQuoted(v.mailIdentity()), "VOLARY_PUBLIC_URL=" + shellQuoted(v.address()),
		shellQuoted(v.program("volary")), "mail", "show", shellQuoted(email),
	}, " ")
}

// shellQuoted is a word that a shell takes as it is.
func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// watch returns when a signal came, or something has ended that nothing is without. What can be started again, is.
func (v *volary) watch(ctx context.Context) error {
	var hosts <-chan struct{}
	if v.lab != nil {
		hosts = v.lab.Done()
	}
	database, again := v.database.done(), (<-chan time.Time)(nil)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-database:
			database, again = nil, v.database.ended()
		case <-again:
			database, again = v.database.restart(ctx)
		case <-hosts:
			return fmt.Errorf("the lab ended; see %s", v.path("lab", "lab.log"))
		case <-v.web.failed:
			return v.web.failure()
		case <-v.worker.failed:
			return v.worker.failure()
		}
	}
}

// stop ends everything in the opposite order of its start.
func (v *volary) stop() {
	if r, ok := v.readRunning(); ok && r.PID == os.Getpid() {
		r.Stopping = true
		_ = v.writeRunning(r)
	}
	v.web.stop()
	v.worker.stop()
	if v.pool != nil {
		v.pool.Close()
	}
	if v.lab != nil {
		v.lab.Stop()
	}
	v.database.stop()
	_ = v.forgetRunning()
}

// lockUp makes this the only up of the checkout. One that is ending is waited for.
func (c checkout) lockUp() (free func(), err error) {
	limit := time.Second
	r, alive := c.readRunning()
	if alive && r.Stopping {
		limit = stopLimit
	}
	free, err = c.awaitLock("up.lock", limit)
	if !errors.Is(err, errLocked) {
		return free, err
	}
	if r, alive = c.readRunning(); alive && r.Stopping {
		return c.awaitLock("up.lock", stopLimit)
	} else if alive {
		return nil, fmt.Errorf("Volary is up from this checkout already, at %s (process %d): `go run ./cmd/dev down` ends it", r.URL, r.PID)
	}
	return nil, errors.New("another up or down of this checkout is at work: wait for it to end")
}

func portFree(ctx context.Context, address string, port int) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %d is taken by another program: stop it or choose another one with --port", port)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("no permission to listen at port %d: choose one above 1023 with --port", port)
	case err != nil:
		return fmt.Errorf("port %d: %w", port, err)
	}
	return l.Close()
}

// reset forgets all data; what is only a cache stays: programs, tools, the sample image.
func (c checkout) reset() error {
	for _, name := range []string{"lab", "blob", "scratch", "memory", "logs", filepath.Join("postgres", "data"), "shots"} {
		if err := os.RemoveAll(c.path(name)); err != nil {
			return err
		}
	}
	return nil
}
