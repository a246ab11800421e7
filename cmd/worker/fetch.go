package main

import (
	"context"
	"log/slog"
	"net"
	"net/netip"

	"golang.org/x/time/rate"

	"volary.dev/cmd/internal/setup"
	"volary.dev/handlers/jobs"
	"volary.dev/provisioner/fetch"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
	"volary.dev/store/sealing"
)

// fetchUpload fetches files from addresses of the internet, where the operator lets it, and from nowhere else: nothing here allows a
// private one.
func fetchUpload(cfg setup.WorkerConfig, db *floors.All, blobs blob.Place, identity sealing.Identity, log *slog.Logger) *jobs.FetchUpload {
	f := &jobs.FetchUpload{Models: db.Models, Blobs: blobs, Identity: identity, MaxBytes: blob.MaxUpload, Log: log}
	if cfg.Fetch {
		pace := rate.Limit(cfg.FetchRate << 20)
		f.Fetcher = &fetch.Fetcher{
			Resolver: net.DefaultResolver, Dialer: &net.Dialer{}, Pace: rate.NewLimiter(pace, 1<<20),
			Ours: func(ctx context.Context) ([]netip.Addr, error) { return db.Machines.HostNumbers(ctx) },
		}
	}
	return f
}
