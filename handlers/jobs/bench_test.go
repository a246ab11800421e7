package jobs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/handlers/jobs"
	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// patience bounds every wait; nothing takes that long unless it is broken.
const patience = 20 * time.Second

// disk is the bytes of the image that clusters boot from.
var disk = bytes.Repeat([]byte("a simulated disk "), 100)

// bench is a marketplace with simulated hosts, to which workers can be added and from which they can be taken.
type bench struct {
	*storetest.World
	hosts *memory.World
	log   *slog.Logger
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		World: storetest.NewWorld(t),
		hosts: memory.NewWorld(memory.Options{BootTime: 30 * time.Millisecond, StopTime: 10 * time.Millisecond}),
		log:   slog.New(slog.DiscardHandler),
	}
	if testing.Verbose() {
		b.log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	sum := sha256.Sum256(disk)
	b.Exec(t, `DELETE FROM river_job`) // checks of hosts that count as checked
	b.Exec(t, `UPDATE images SET canonical_digest = $1, canonical_size = $2`, hex.EncodeToString(sum[:]), len(disk))
	return b
}

// host is the n-th simulated host.
func (b *bench) host(n int) *memory.Host {
	return b.hosts.Host(provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: fmt.Sprintf("host-%d", n)})
}

// engine is a worker's, over a database of its choice and a way to the hosts.
func (b *bench) engine(name string, db *floors.All, dial provisioner.Dial) jobs.Engine {
	return jobs.Engine{
		Core: db.Core, Books: db.Books, Models: db.Models, Machines: db.Machines, Hosts: jobs.NewHosts(dial), Worker: name, Log: b.log.With("worker", name),
		OpenImage: func(context.Context, string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(disk)), nil },
	}
}

// work runs a worker's loops until the test ends or the returned function is called.
func (b *bench) work(t *testing.T, e jobs.Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &jobs.Reconciler{Engine: e, ClaimTTL: claimTTL, Poll: 5 * time.Millisecond, Tick: 20 * time.Millisecond}
	o := &jobs.Observer{Engine: e, Round: 50 * time.Millisecond}
	var all sync.WaitGroup
	all.Go(func() { _ = r.Run(ctx) })
	all.Go(func() { _ = o.Run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); all.Wait() })
	t.Cleanup(stop)
	return stop
}

// worker runs a healthy worker.
func (b *bench) worker(t *testing.T, name string) (stop func()) {
	t.Helper()
	return b.work(t, b.engine(name, storetest.OpenAs(t, b.Pool, store.RoleWorker), b.hosts.Dial))
}

// until polls: rows and hosts change beside the test.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

func (b *bench) cluster(t *testing.T, id uuid.UUID) machines.ClusterDetail {
	t.Helper()
	c, err := b.DB.Machines.Cluster(t.Context(), b.Organization, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// untilState waits for a cluster's state, and for the worker to have given it back.
func (b *bench) untilState(t *testing.T, id uuid.UUID, want provisioner.ClusterState) machines.ClusterDetail {
	t.Helper()
	var c machines.ClusterDetail
	defer func() {
		if t.Failed() {
			t.Logf("the cluster is %s (%s: %s), wanted %s", c.State, c.Reason, c.ReasonDetail, want)
		}
	}()
	until(t, "cluster "+string(want), func() bool {
		c = b.cluster(t, id)
		return c.State == want && b.settled(t, id)
	})
	return c
}

func (b *bench) settled(t *testing.T, id uuid.UUID) bool {
	t.Helper()
	var settled bool
	err := b.Pool.QueryRow(t.Context(), `SELECT reconciled_generation = generation AND claimed_by IS NULL FROM clusters WHERE id = $1`, id).Scan(&settled)
	if err != nil {
		t.Fatal(err)
	}
	return settled
}

// wantNothingLeft sweeps the hosts and the database.
func (b *bench) wantNothingLeft(t *testing.T) {
	t.Helper()
	if left := b.hosts.Leftovers(); len(left) > 0 {
		t.Errorf("left on hosts: %v", left)
	}
	for what, query := range map[string]string{
		"nodes that are not gone":   `SELECT count(*) FROM nodes WHERE state <> 'gone'`,
		"networks that are kept":    `SELECT count(*) FROM clusters WHERE vni IS NOT NULL OR subnet IS NOT NULL`,
		"hours that are held":       `SELECT count(*) FROM holds WHERE held > 0`,
		"runs that are open":        `SELECT count(*) FROM runs WHERE closed_at IS NULL`,
		"clusters that are claimed": `SELECT count(*) FROM clusters WHERE claimed_by IS NOT NULL`,
	} {
		var n int
		if err := b.Pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}
