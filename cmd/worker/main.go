package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"volary.dev/cmd/internal/setup"
	"volary.dev/handlers/console"
	"volary.dev/handlers/handshake"
	"volary.dev/handlers/jobs"
	"volary.dev/handlers/loops"
	"volary.dev/migrations"
	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/memory"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
	"volary.dev/store/sealing"
)

func main() {
	image.Main() // in the confined child that opens images, nothing below is reached
	other := map[string]func([]string) error{verifyArgument: verify, sandboxArgument: sandbox, hostLineArgument: func([]string) error { return serveHostLine() }}
	if len(os.Args) > 1 && other[os.Args[1]] != nil {
		if err := other[os.Args[1]](os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		return
	}
	setup.Main("worker", run)
}

func run(ctx context.Context, log *slog.Logger) error {
	cfg, err := setup.ReadWorkerConfig()
	if err != nil {
		return err
	}
	setup.LogConfig(log, cfg)
	dial, err := dialHosts(cfg, log)
	if err != nil {
		return err
	}
	pool, err := setup.Pool(ctx, cfg.DatabaseURL, setup.PoolOptions{Name: "worker", Max: 20, Limits: setup.WorkerLimits})
	if err != nil {
		return err
	}
	defer pool.Close()
	log, watch := setup.TellOutages(log, pool.Ping)
	if err := store.CheckServerRole(ctx, pool, store.RoleWorker, migrations.FS); err != nil {
		return err
	}
	queuePool, err := setup.Pool(ctx, cfg.DatabaseURL, setup.PoolOptions{Name: "jobs", Max: jobs.QueueConnections, Limits: setup.WorkerLimits})
	if err != nil {
		return err
	}
	defer queuePool.Close()
	round := time.Duration(cfg.RoundSeconds) * time.Second
	identity, err := sealing.ReadIdentity(cfg.MailIdentity)
	if err != nil {
		return err
	}
	db := floors.New(pool, store.Options{Logger: log, Round: round, MailRecipient: identity.Recipient(), Quota: int64(cfg.QuotaGiB) << 30})
	hosts := loops.NewHosts(dial)
	defer hosts.Close()
	mails, err := sendMail(cfg, identity, db, log)
	if err != nil {
		return err
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return watch(ctx) })
	all.Go(func() error { return work(ctx, cfg, db, queuePool, hosts, mails, log) })
	return all.Wait()
}

// consoleConnections is how many connections of web processes the worker holds at once.
const consoleConnections = 1000

// work runs the loops, the jobs and the console server until ctx ends or one of them fails.
func work(ctx context.Context, cfg setup.WorkerConfig, db *floors.All, queuePool *pgxpool.Pool, hosts *loops.Hosts, mails *jobs.SendMail, log *slog.Logger) error {
	listener, err := setup.Listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	// All of its callers are web processes, each with a connection for every open console.
	listener = setup.Bound(listener, setup.Bounds{Total: consoleConnections}, log)
	verify := &jobs.VerifyUpload{
		Models: db.Models, Log: log, Verifier: image.Verifier{Scratch: cfg.ScratchDir, Keep: cfg.Blobs.Folder()}, Limits: image.DefaultLimits(),
	}
	logSandbox(log)
	blobs, err := setup.OpenBlobs(ctx, cfg.Blobs, cfg.ScratchDir, verify.Verifier.Reserve, db.Models.KeptBytes, log)
	if err != nil {
		return err
	}
	verify.Blobs = blobs
	places, err := jobs.ParsePlaces(cfg.Jobs)
	if err != nil {
		return fmt.Errorf("configuration: VOLARY_JOBS: %w", err)
	}
	engine := loops.Engine{
		Core: db.Core, Books: db.Books, Models: db.Models, Machines: db.Machines, Hosts: hosts,
		OpenImage: openImage(blobs), ImageLost: loops.BlobLook{Models: db.Models, Blobs: blobs, Log: log}.Used, Worker: cfg.Name, Log: log,
	}
	queue, err := jobs.NewQueue(db, queuePool, jobs.QueueOptions{Places: places}, log, workers(cfg, engine, verify, fetchUpload(cfg, db, blobs, mails.Identity, log), mails))
	if err != nil {
		return err
	}
	reconciler := &loops.Reconciler{Engine: engine}
	observer := &loops.Observer{Engine: engine, Round: time.Duration(cfg.RoundSeconds) * time.Second, ProbeImage: cfg.ProbeImage}
	bookkeeper := &loops.Bookkeeper{Engine: engine}
	access, drainer := &loops.AccessKeeper{Engine: engine}, &loops.Drainer{Engine: engine}
	uploads := &loops.UploadKeeper{Models: db.Models, Blobs: blobs, Log: log, SweepScratch: verify.Verifier.SweepScratch}
	kept := &loops.BlobKeeper{Models: db.Models, Blobs: blobs, Log: log}
	certifier := &loops.Certifier{Models: db.Models, Books: db.Books, Identity: mails.Identity, Log: log}

	secret, err := handshake.ReadSecret(cfg.ConsoleSecret)
	if err != nil {
		return err
	}
	consoles := console.New(console.Options{DB: db, Hosts: hosts, Secret: secret, Log: log})

	all, ctx := errgroup.WithContext(ctx)
	for _, part := range []func(context.Context) error{
		reconciler.Run, observer.Run, bookkeeper.Run, access.Run, drainer.Run, uploads.Run, kept.Run, certifier.Run, queue.Run, consoles.Run,
	} {
		all.Go(func() error { return part(ctx) })
	}
	all.Go(func() error {
		return setup.ServeListener(ctx, log, listener, consoles, setup.ServerTimes)
	})
	return all.Wait()
}

func openImage(blobs blob.Store) func(context.Context, string) (io.ReadCloser, error) {
	return func(ctx context.Context, digest string) (io.ReadCloser, error) {
		key, err := blob.ImageKey(digest)
		if err != nil {
			return nil, err
		}
		r, _, err := blobs.Open(ctx, key)
		return r, err
	}
}

// dialHosts answers to the schemes of the configured drivers, and to no other.
func dialHosts(cfg setup.WorkerConfig, log *slog.Logger) (provisioner.Dial, error) {
	var libvirtDial provisioner.Dial
	if slices.Contains(cfg.Drivers, "libvirt") {
		var err error
		if libvirtDial, err = dialLibvirt(cfg, log); err != nil {
			return nil, err
		}
	}
	var world *memory.World
	if slices.Contains(cfg.Drivers, "memory") {
		world = memory.NewWorld(memory.Options{StateDir: cfg.MemoryStateDir})
	}
	return func(ctx context.Context, a provisioner.HostAddress) (provisioner.Driver, error) {
		switch {
		case a.Scheme == provisioner.SchemeMemory && world != nil:
			return world.Dial(ctx, a)
		case (a.Scheme == provisioner.SchemeTCP || a.Scheme == provisioner.SchemeUnix) && !cfg.AllowPlainHosts:
			return nil, fmt.Errorf("%w: scheme %s is for one machine and the lab; VOLARY_ALLOW_PLAIN_HOSTS=true allows it", provisioner.ErrHostAddress, a.Scheme)
		case a.Scheme != provisioner.SchemeMemory && libvirtDial != nil:
			return libvirtDial(ctx, a)
		default:
			return nil, fmt.Errorf("%w: this worker has no driver for scheme %s (VOLARY_DRIVERS)", provisioner.ErrHostAddress, a.Scheme)
		}
	}, nil
}

// workers registers every kind of job.
func workers(cfg setup.WorkerConfig, engine loops.Engine, verify *jobs.VerifyUpload, fetch *jobs.FetchUpload, mails *jobs.SendMail) *river.Workers {
	w := river.NewWorkers()
	river.AddWorker(w, mails)
	river.AddWorker(w, &jobs.RunAcceptance{Engine: engine})
	river.AddWorker(w, &jobs.CheckHost{Engine: engine, ProbeImage: cfg.ProbeImage})
	river.AddWorker(w, verify)
	river.AddWorker(w, fetch)
	river.AddWorker(w, &jobs.DeleteImage{Models: engine.Models, Blobs: verify.Blobs, Log: engine.Log})
	river.AddWorker(w, &jobs.DiscardUpload{Models: engine.Models, Blobs: verify.Blobs})
	return w
}

// sendMail sends by the configured server; without one mails are kept for the outbox.
func sendMail(cfg setup.WorkerConfig, identity sealing.Identity, db *floors.All, log *slog.Logger) (*jobs.SendMail, error) {
	mails := &jobs.SendMail{Core: db.Core, Identity: identity, PublicURL: cfg.PublicURL, Log: log}
	if cfg.SMTPURL == "" {
		return mails, nil
	}
	var err error
	mails.SMTP, err = jobs.NewSMTP(cfg.SMTPURL, cfg.MailFrom)
	return mails, err
}
