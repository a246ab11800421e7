// Command web is the process that faces the internet: pages, uploads, event streams and the way to consoles. It
// reaches PostgreSQL, the blob store and the worker's console port, and nothing else: no host, no image tool.
// README's configuration table lists its environment.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"volary.dev/cmd/internal/setup"
	"volary.dev/handlers"
	"volary.dev/handlers/handshake"
	"volary.dev/migrations"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/sealing"
)

func main() { setup.Main("web", run) }

func run(ctx context.Context, log *slog.Logger) error {
	cfg, err := setup.ReadWebConfig()
	if err != nil {
		return err
	}
	setup.LogConfig(log, cfg)
	// The port comes first: of two programs at one port, the second shall touch nothing.
	listener, err := setup.Listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	listener = setup.Bound(listener, setup.Bounds{Total: cfg.Connections, Each: cfg.ConnectionsEach, Exempt: cfg.TrustedProxies}, log)
	pool, err := setup.Pool(ctx, cfg.DatabaseURL, setup.PoolOptions{Name: "web", Limits: setup.WebLimits})
	if err != nil {
		return err
	}
	defer pool.Close()
	log, watch := setup.TellOutages(log, pool.Ping)
	if err := store.CheckServerRole(ctx, pool, store.RoleWeb, migrations.FS); err != nil {
		return err
	}
	recipient, err := sealing.ParseRecipient(cfg.MailRecipient)
	if err != nil {
		return fmt.Errorf("configuration: VOLARY_MAIL_RECIPIENT: %w", err)
	}
	db := floors.New(pool, store.Options{Logger: log, MailRecipient: recipient, Idle: time.Duration(cfg.IdleHours) * time.Hour, Quota: int64(cfg.QuotaGiB) << 30})
	blobs, err := setup.OpenBlobs(ctx, cfg.Blobs, cfg.ScratchDir, nil, db.Models.KeptBytes, log)
	if err != nil {
		return err
	}
	secret, err := handshake.ReadSecret(cfg.ConsoleSecret)
	if err != nil {
		return err
	}
	changes := handlers.NewChanges()
	locks := handlers.NewUploadLocks(db, log)
	listening := make(chan error, 4)
	go func() { listening <- watch(ctx) }()
	go func() { listening <- db.Core.Listen(ctx, changes.Publish, changes.Lost) }()
	go func() { listening <- db.Core.ListenRights(ctx, changes.RightsEnded) }()
	go func() { listening <- db.Core.ListenUploads(ctx, locks.Heard) }()

	portal, err := handlers.New(handlers.Options{
		Store: db, Log: log, Changes: changes, PublicURL: cfg.PublicURL, WorkerURL: cfg.WorkerURL, WorkerSecret: secret,
		TrustedProxies: cfg.TrustedProxies, Stopping: ctx,
		Demo: cfg.Demo, Simulated: cfg.SimulatedHosts, SimulatedFolder: cfg.MemoryStateDir, PlainHosts: cfg.AllowPlainHosts, UploadsChecked: cfg.UploadsChecked, UploadsFetched: cfg.UploadsFetched,
		Uploads: blobs.Uploads(), Images: blobs, UploadLocks: locks,
	})
	if err != nil {
		return err
	}
	err = setup.ServeListener(ctx, log, listener, portal, setup.ServerTimes)
	for range cap(listening) {
		if listened := <-listening; err == nil && !errors.Is(listened, context.Canceled) {
			err = listened
		}
	}
	return err
}
