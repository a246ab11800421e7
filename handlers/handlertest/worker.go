package handlertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http/httptest"
	"sync"
	"time"

	"volary.dev/handlers/console"
	"volary.dev/handlers/loops"
	"volary.dev/provisioner/memory"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/storetest"
)

// disk is what every image of the world holds.
func disk() []byte { return bytes.Repeat([]byte("a simulated disk "), 100) }

func diskDigest() string {
	sum := sha256.Sum256(disk())
	return hex.EncodeToString(sum[:])
}

// startWorker runs a worker over simulated hosts, which boot at once, until the test ends, and returns the address of
// its consoles. Jobs are not worked.
func (a *App) startWorker(log *slog.Logger) string {
	a.Hosts = memory.NewWorld(memory.Options{BootTime: 30 * time.Millisecond, StopTime: 10 * time.Millisecond})
	hosts := loops.NewHosts(a.Hosts.Dial)
	db := storetest.OpenAs(a.t, a.Pool, store.RoleWorker)
	engine := loops.Engine{
		Core: db.Core, Books: db.Books, Models: db.Models, Machines: db.Machines, Hosts: hosts, Worker: "test", Log: log,
		OpenImage: func(ctx context.Context, digest string) (io.ReadCloser, error) {
			if key, err := blob.ImageKey(digest); err == nil {
				if r, _, err := a.blobs.Open(ctx, key); err == nil {
					return r, nil
				}
			}
			return io.NopCloser(bytes.NewReader(disk())), nil
		},
	}
	lines := console.New(console.Options{DB: db, Hosts: hosts, Secret: Secret(a.t), Log: log})
	consoles := httptest.NewServer(lines)
	ctx, cancel := context.WithCancel(context.Background())
	reconciler := &loops.Reconciler{Engine: engine, ClaimTTL: time.Second, Poll: 20 * time.Millisecond}
	observer := &loops.Observer{Engine: engine, Round: 150 * time.Millisecond}
	access := &loops.AccessKeeper{Engine: engine, Tick: 100 * time.Millisecond}
	drainer := &loops.Drainer{Engine: engine, Tick: 100 * time.Millisecond}
	var loops sync.WaitGroup
	loops.Go(func() { _ = reconciler.Run(ctx) })
	loops.Go(func() { _ = observer.Run(ctx) })
	loops.Go(func() { _ = access.Run(ctx) })
	loops.Go(func() { _ = drainer.Run(ctx) })
	loops.Go(func() { _ = lines.Run(ctx) })
	a.t.Cleanup(func() {
		cancel()
		loops.Wait()
		consoles.Close()
		hosts.Close()
	})
	return consoles.URL
}
