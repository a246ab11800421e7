package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/handlers/jobs"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/floors"
)

// mortal is a worker that dies at a chosen moment as kill -9 would have it: from then on nothing of it reaches a host
// or the database, and nothing that it was doing is tidied up.
type mortal struct {
	mu    sync.Mutex
	calls int // of the driver until it dies; 0: it does not
	sends int // to the database until it dies; 0: it does not
	dead  bool
	conns []net.Conn
	died  chan struct{}
}

var errDead = errors.New("this worker is dead")

func (m *mortal) die() {
	if !m.dead {
		m.dead = true
		for _, c := range m.conns {
			_ = c.Close()
		}
		close(m.died)
	}
}

// called counts a driver call that has just had its effect.
func (m *mortal) called() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls > 0 {
		if m.calls--; m.calls == 0 {
			m.die()
		}
	}
	return m.lives()
}

func (m *mortal) lives() error {
	if m.dead {
		return errDead
	}
	return nil
}

func (m *mortal) isAlive() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lives()
}

// conn is a database connection that is cut when its worker dies.
type conn struct {
	net.Conn
	m *mortal
}

func (c conn) Write(b []byte) (int, error) {
	c.m.mu.Lock()
	if c.m.sends > 0 {
		if c.m.sends--; c.m.sends == 0 {
			c.m.die()
		}
	}
	err := c.m.lives()
	c.m.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// driver calls through to a host as long as its worker lives, and learns nothing of the call during which it died.
type driver struct {
	provisioner.Driver
	m *mortal
}

func (d driver) do(f func() error) error {
	if err := d.m.isAlive(); err != nil {
		return err
	}
	err := f()
	if dead := d.m.called(); dead != nil {
		return dead
	}
	return err
}

func (d driver) EnsureNetwork(ctx context.Context, n provisioner.Network) error {
	return d.do(func() error { return d.Driver.EnsureNetwork(ctx, n) })
}

func (d driver) DeleteNetwork(ctx context.Context, vni uint32) error {
	return d.do(func() error { return d.Driver.DeleteNetwork(ctx, vni) })
}

func (d driver) EnsureImage(ctx context.Context, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error {
	return d.do(func() error { return d.Driver.EnsureImage(ctx, digest, size, open) })
}

func (d driver) EnsureNode(ctx context.Context, n provisioner.NodeSpec) error {
	return d.do(func() error { return d.Driver.EnsureNode(ctx, n) })
}

func (d driver) StopNode(ctx context.Context, id uuid.UUID, force bool) error {
	return d.do(func() error { return d.Driver.StopNode(ctx, id, force) })
}

func (d driver) DeleteNode(ctx context.Context, id uuid.UUID, wipe bool) error {
	return d.do(func() error { return d.Driver.DeleteNode(ctx, id, wipe) })
}

func (d driver) Observe(ctx context.Context) (o provisioner.Observation, err error) {
	return o, d.do(func() error { o, err = d.Driver.Observe(ctx); return err })
}

func (d driver) Addresses(ctx context.Context, vni uint32) (a map[string]netip.Addr, err error) {
	return a, d.do(func() error { a, err = d.Driver.Addresses(ctx, vni); return err })
}

// dying runs only a reconciler, which dies after so many driver calls or sends to the database, and returns once it
// is dead or the cluster needs nothing more. It tells which.
func (b *bench) dying(t *testing.T, name string, id uuid.UUID, calls, sends int) (died bool) {
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
	noError(t, err)
	defer pool.Close()
	db, err := floors.New(pool, store.Options{})
	noError(t, err)
	e := b.engine(name, db, func(ctx context.Context, a provisioner.HostAddress) (provisioner.Driver, error) {
		d, err := b.hosts.Dial(ctx, a)
		return driver{d, m}, err
	})
	ctx, cancel := context.WithCancel(context.Background())
	r := &jobs.Reconciler{Engine: e, ClaimTTL: claimTTL, Poll: 5 * time.Millisecond, Tick: 20 * time.Millisecond}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = r.Run(ctx) }()
	until(t, "death or the end of the work", func() bool {
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

// TestKilledWorker kills the worker at each of its calls to hosts, and at many of its sends to the database, in the
// middle of launch, stop, start and delete. Each time another worker goes on, the cluster ends where it was to go, and
// nothing is left behind.
func TestKilledWorker(t *testing.T) {
	const (
		ready, stopped, gone = provisioner.ClusterReady, provisioner.ClusterStopped, provisioner.ClusterGone
	)
	for _, c := range []struct {
		name  string
		begin provisioner.ClusterState // what a healthy worker brings the cluster to first; empty: nothing
		ask   func(b *bench, id uuid.UUID) error
		want  provisioner.ClusterState
	}{
		{"launch", "", func(*bench, uuid.UUID) error { return nil }, ready},
		{"stop", ready, func(b *bench, id uuid.UUID) error {
			return b.DB.Machines.StopCluster(context.Background(), b.Organization, b.Person, id)
		}, stopped},
		{"start", stopped, func(b *bench, id uuid.UUID) error {
			return b.DB.Machines.StartCluster(context.Background(), b.Organization, b.Person, id, 60)
		}, ready},
		{"delete", ready, func(b *bench, id uuid.UUID) error {
			return b.DB.Machines.DeleteCluster(context.Background(), b.Organization, b.Person, id)
		}, gone},
	} {
		for _, of := range []string{"calls", "sends"} {
			t.Run(c.name+" by "+of, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				for n := 1; ; n++ {
					id := b.Launch(t, fmt.Sprintf("trial-%d", n), 2)
					b.bring(t, id, c.begin)
					noError(t, c.ask(b, id))
					calls, sends := n, 0
					if of == "sends" {
						calls, sends = 0, 8*n // each eighth one: a transaction sends several times
					}
					died := b.dying(t, "mortal", id, calls, sends)
					b.bring(t, id, c.want)
					noError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
					b.bring(t, id, gone)
					b.wantNothingLeft(t)
					if !died || t.Failed() || testing.Short() && n == 6 {
						t.Logf("killed %d times", n-1)
						return
					}
				}
			})
		}
	}
}

// bring lets a healthy worker bring a cluster to a state, and ends it.
func (b *bench) bring(t *testing.T, id uuid.UUID, want provisioner.ClusterState) {
	t.Helper()
	if want == "" {
		return
	}
	stop := b.worker(t, "healthy")
	defer stop()
	if want == provisioner.ClusterStopped && b.cluster(t, id).Desired == provisioner.DesiredRunning {
		b.untilState(t, id, provisioner.ClusterReady)
		noError(t, b.DB.Machines.StopCluster(t.Context(), b.Organization, b.Person, id))
	}
	b.untilState(t, id, want)
}
