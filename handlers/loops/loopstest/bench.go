package loopstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"volary.dev/handlers/jobs"
	"volary.dev/handlers/loops"
	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// Disk is the bytes of the image that clusters boot from.
var Disk = bytes.Repeat([]byte("a simulated disk "), 100)

// Bench is a marketplace with simulated hosts, to which workers can be added and from which they can be taken.
type Bench struct {
	*storetest.World
	Simulated *memory.World
	Log       *slog.Logger
	// Probe bounds the guests of hosts' checks. A test whose guests are to hang has it short.
	Probe jobs.ProbeTimes
	// ProbeImage is where that image is looked for; empty: it is there.
	ProbeImage string

	healthy *floors.All // what all healthy workers share: connections of their own would cost the database more than their work does
}

// NewBench makes a Bench whose images have the bytes of Disk.
func NewBench(t *testing.T) *Bench {
	t.Helper()
	b := &Bench{
		World:     storetest.NewWorld(t),
		Simulated: memory.NewWorld(memory.Options{BootTime: 30 * time.Millisecond, StopTime: 10 * time.Millisecond}),
		Log:       slog.New(slog.DiscardHandler),
		Probe:     jobs.ProbeTimes{KVM: waittest.Limit, TCG: waittest.Limit, Overlay: waittest.Limit, Fill: waittest.Limit, Poll: 30 * time.Millisecond},
	}
	if testing.Verbose() {
		b.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	sum := sha256.Sum256(Disk)
	b.Exec(t, `DELETE FROM river_job`) // checks of hosts that count as checked
	b.Exec(t, `UPDATE images SET canonical_digest = $1, canonical_size = $2`, hex.EncodeToString(sum[:]), len(Disk))
	return b
}

// Host is the n-th simulated host.
func (b *Bench) Host(n int) *memory.Host {
	return b.Simulated.Host(provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: fmt.Sprintf("host-%d", n)})
}

// Engine is a worker's, over a database of its choice and a way to the hosts.
func (b *Bench) Engine(name string, db *floors.All, dial provisioner.Dial) loops.Engine {
	return loops.Engine{
		Core: db.Core, Books: db.Books, Models: db.Models, Machines: db.Machines, Hosts: loops.NewHosts(dial), Worker: name, Log: b.Log.With("worker", name),
		OpenImage: func(context.Context, string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(Disk)), nil },
	}
}

// Work runs a worker's loops until the test ends or the returned function is called.
func (b *Bench) Work(t *testing.T, e loops.Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &loops.Reconciler{Engine: e, ClaimTTL: claimTTL, Poll: 20 * time.Millisecond, Tick: 60 * time.Millisecond}
	o := &loops.Observer{Engine: e, Round: 150 * time.Millisecond}
	k := &loops.AccessKeeper{Engine: e, Tick: 100 * time.Millisecond}
	d := &loops.Drainer{Engine: e, Tick: 50 * time.Millisecond}
	var all sync.WaitGroup
	all.Go(func() { _ = r.Run(ctx) })
	all.Go(func() { _ = o.Run(ctx) })
	all.Go(func() { _ = k.Run(ctx) })
	all.Go(func() { _ = d.Run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); all.Wait() })
	t.Cleanup(stop)
	return stop
}

// Worker runs a healthy worker.
func (b *Bench) Worker(t *testing.T, name string) (stop func()) {
	t.Helper()
	if b.healthy == nil {
		b.healthy = storetest.OpenAs(t, b.Pool, store.RoleWorker)
	}
	return b.Work(t, b.Engine(name, b.healthy, b.Simulated.Dial))
}

// Cluster reads one of the World's organization.
func (b *Bench) Cluster(t *testing.T, id uuid.UUID) machines.ClusterDetail {
	t.Helper()
	c, err := b.DB.Machines.Cluster(t.Context(), b.Organization, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// UntilState waits for a cluster's state, and for the worker to have given it back.
func (b *Bench) UntilState(t *testing.T, id uuid.UUID, want provisioner.ClusterState) machines.ClusterDetail {
	t.Helper()
	var c machines.ClusterDetail
	defer func() {
		if t.Failed() {
			t.Logf("the cluster is %s (%s: %s), wanted %s", c.State, c.Reason, c.ReasonDetail, want)
		}
	}()
	waittest.Until(t, "cluster "+string(want), func() bool {
		c = b.Cluster(t, id)
		return c.State == want && b.settled(t, id)
	})
	return c
}

func (b *Bench) settled(t *testing.T, id uuid.UUID) bool {
	t.Helper()
	var settled bool
	err := b.Pool.QueryRow(t.Context(), `SELECT reconciled_generation = generation AND claimed_by IS NULL FROM clusters WHERE id = $1`, id).Scan(&settled)
	if err != nil {
		t.Fatal(err)
	}
	return settled
}

// WantNothingLeft sweeps the hosts and the database.
func (b *Bench) WantNothingLeft(t *testing.T) {
	t.Helper()
	var moved bool
	if err := b.Pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM nodes WHERE left_host_id IS NOT NULL)`).Scan(&moved); err != nil {
		t.Fatal(err)
	}
	if moved {
		// A host that was silent for a while, as hosts of a busy machine may be, keeps the network of a node that was placed
		// elsewhere until its own rounds sweep it.
		waittest.Until(t, "rounds to sweep what placed elsewhere nodes left", func() bool { return len(b.Simulated.Leftovers()) == 0 })
	}
	if left := b.Simulated.Leftovers(); len(left) > 0 {
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

// HurryGate moves a cluster's gate deadline, since the shortest gate is ten seconds. It waits for every node to have begun
// to start, as each sets the deadline anew.
func (b *Bench) HurryGate(t *testing.T, id uuid.UUID) {
	t.Helper()
	waittest.Until(t, "all starting", func() bool {
		return !slices.ContainsFunc(b.Cluster(t, id).NodeRows, func(n machines.NodeRow) bool {
			return n.State == provisioner.NodeReserved || n.State == provisioner.NodeStopped
		})
	})
	b.Exec(t, `UPDATE batches SET gate_deadline = now() + interval '100 milliseconds' WHERE cluster_id = $1`, id)
}

// Observe runs an observer that looks at images at every opportunity.
func (b *Bench) Observe(t *testing.T, probe string) *Said {
	t.Helper()
	log := &Said{}
	b.Log = slog.New(slog.NewTextHandler(log, nil))
	ctx, cancel := context.WithCancel(context.Background())
	o := &loops.Observer{
		Engine: b.Engine("observer", storetest.OpenAs(t, b.Pool, store.RoleWorker), b.Simulated.Dial),
		Round:  30 * time.Millisecond, ImagesTick: time.Millisecond, ProbeImage: probe,
	}
	var done sync.WaitGroup
	done.Go(func() { _ = o.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return log
}

// NewImage is an image of the bench's organization with a digest, and copies of it on hosts.
func (b *Bench) NewImage(t *testing.T, content string, hosts ...*memory.Host) (id uuid.UUID, digest string) {
	t.Helper()
	for _, h := range hosts {
		digest = Bring(t, h, content)
	}
	id = b.AddImage(t, b.Organization, b.Person)
	_, err := b.Pool.Exec(t.Context(), `UPDATE images SET canonical_digest = $2 WHERE id = $1`, id, digest)
	NoError(t, err)
	return id, digest
}

// Dying runs only a reconciler, which dies after so many driver calls or sends to the database, and returns once it
// is dead or the cluster needs nothing more. It tells which.
func (b *Bench) Dying(t *testing.T, name string, id uuid.UUID, calls, sends int) (died bool) {
	t.Helper()
	m := &mortal{calls: calls, sends: sends, died: make(chan struct{})}
	cfg := b.Pool.Config()
	cfg.MaxConns = 8
	cfg.ConnConfig.RuntimeParams["role"] = string(store.RoleWorker)
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.conns = append(m.conns, c)
		return conn{c, m}, m.lives()
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	NoError(t, err)
	defer pool.Close()
	db := floors.New(pool, store.Options{})
	e := b.Engine(name, db, func(ctx context.Context, a provisioner.HostAddress) (provisioner.Driver, error) {
		d, err := b.Simulated.Dial(ctx, a)
		return driver{d, m}, err
	})
	ctx, cancel := context.WithCancel(context.Background())
	r := &loops.Reconciler{Engine: e, ClaimTTL: claimTTL, Poll: 20 * time.Millisecond, Tick: 60 * time.Millisecond}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = r.Run(ctx) }()
	waittest.Until(t, "death or the end of the work", func() bool {
		select {
		case <-m.died:
			return true
		default:
			return b.settled(t, id)
		}
	})
	cancel()
	<-ended
	return m.isAlive() != nil
}

// claimTTL is short here, so that a test does not wait long for a dead worker's claim to run out.
const claimTTL = 300 * time.Millisecond

// Bring lets a healthy worker bring a cluster to a state, and ends it.
func (b *Bench) Bring(t *testing.T, id uuid.UUID, want provisioner.ClusterState) {
	t.Helper()
	if want == "" {
		return
	}
	stop := b.Worker(t, "healthy")
	defer stop()
	if want == provisioner.ClusterStopped && b.Cluster(t, id).Desired == provisioner.DesiredRunning {
		b.UntilState(t, id, provisioner.ClusterReady)
		NoError(t, b.DB.Machines.StopCluster(t.Context(), b.Organization, b.Person, id))
	}
	b.UntilState(t, id, want)
}

// RunQueue works jobs on a pool of its own until the test ends or the returned function is called.
func (b *Bench) RunQueue(t *testing.T, o jobs.QueueOptions, workers *river.Workers) (stop func()) {
	t.Helper()
	pool := storetest.PoolAs(t, b.Pool, store.RoleWorker)
	q, err := jobs.NewQueue(storetest.OpenAs(t, b.Pool, store.RoleWorker), pool, o, b.Log, workers)
	NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := q.Run(ctx); err != nil {
			t.Errorf("queue: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); done.Wait(); pool.Close() })
	t.Cleanup(stop)
	return stop
}

// UploadTo finishes an upload of an organization.
func (b *Bench) UploadTo(t *testing.T, blobs *blob.Directory, org, person uuid.UUID, content []byte) (id string) {
	t.Helper()
	id = strings.ReplaceAll(uuid.NewString(), "-", "")
	NoError(t, b.DB.Models.CreateUpload(t.Context(), org, person, id, "disk.qcow2", int64(len(content))))
	_, err := blobs.Put(t.Context(), blob.UploadKey(id), bytes.NewReader(content))
	NoError(t, err)
	NoError(t, b.DB.Models.FinishUpload(t.Context(), person, id))
	return id
}

// Queue works the bench's jobs on a pool of its own, until the test ends or the returned function is called.
func (b *Bench) Queue(t *testing.T, name string) (stop func()) {
	t.Helper()
	image := b.ProbeImage
	if image == "" {
		image = filepath.Join(t.TempDir(), "probe")
		NoError(t, os.WriteFile(image, Disk, 0o600))
	}
	db := storetest.OpenAs(t, b.Pool, store.RoleWorker)
	e := b.Engine(name, db, b.Simulated.Dial)
	workers := river.NewWorkers()
	river.AddWorker(workers, &jobs.RunAcceptance{Engine: e, Look: 20 * time.Millisecond})
	river.AddWorker(workers, &jobs.CheckHost{Engine: e, ProbeImage: image, EnrolPause: 20 * time.Millisecond, Probe: b.Probe})
	return b.RunQueue(t, jobs.QueueOptions{Look: 20 * time.Millisecond}, workers)
}

// StartTest asks for an acceptance test of the World's version.
func (b *Bench) StartTest(t *testing.T) uuid.UUID {
	t.Helper()
	id, err := b.DB.Machines.StartAcceptanceTest(t.Context(), b.Organization, b.Person, b.Version, b.PoolID)
	NoError(t, err)
	return id
}

// UntilTested waits for the end of a test.
func (b *Bench) UntilTested(t *testing.T, id uuid.UUID) models.AcceptanceTest {
	t.Helper()
	var a models.AcceptanceTest
	waittest.Until(t, "the test's end", func() bool {
		var err error
		a, err = b.DB.Models.AcceptanceTest(t.Context(), b.Organization, id)
		NoError(t, err)
		return !a.State.Open()
	})
	b.UntilState(t, a.ClusterID, provisioner.ClusterGone)
	return a
}

// UntilChecked waits for the end of a host's check.
func (b *Bench) UntilChecked(t *testing.T, host uuid.UUID) machines.Host {
	t.Helper()
	var h machines.Host
	waittest.Until(t, "the check's end", func() bool {
		var err error
		h, err = b.DB.Machines.HostForWorker(t.Context(), host)
		NoError(t, err)
		return h.CheckState == "passed" || h.CheckState == "failed"
	})
	return h
}
