package books_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
)

// fleet is a set of clusters that live and die while a host proves their nodes' lives.
type fleet struct {
	*ledgerWorld
	clusters []uuid.UUID
	proofs   []billing.Proof
	second   atomic.Int64 // of the last round
	lived    atomic.Int64
	refused  atomic.Int64
}

// TestEverythingAtOnce lets clusters come and go while a host proves life and use is settled, with hours for fewer
// clusters than want them, and asserts that the books are right to the second afterwards.
func TestEverythingAtOnce(t *testing.T) {
	f := &fleet{ledgerWorld: newLedgerWorld(t)}
	soon := time.Now().Add(time.Hour)
	f.grant(230_000, &soon)
	f.grant(900_500, nil)
	for range 6 {
		id, nodes := f.cluster(2, 50)
		f.clusters = append(f.clusters, id)
		for _, n := range nodes {
			f.proofs = append(f.proofs, billing.Proof{NodeID: n, StartID: "s1"})
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var background, lives errgroup.Group
	background.Go(func() error { return f.observe(ctx) })
	background.Go(func() error { return f.settle(ctx) })
	for _, id := range f.clusters {
		lives.Go(func() error {
			for range 10 {
				if err := f.live(t.Context(), id); err != nil {
					return err
				}
			}
			return nil
		})
	}
	f.must(lives.Wait())
	stop()
	f.must(background.Wait())

	f.verified()
	ran := f.count(`SELECT coalesce(sum(extract(epoch FROM ended_at - started_at) * rate), 0)::bigint FROM runs`)
	if used := f.count(`SELECT sum(used) FROM lots`); ran != used || used == 0 {
		t.Errorf("runs sum to %d mcs, lots used %d", ran, used)
	}
	if held := f.count(`SELECT sum(held) FROM lots`); held != 0 {
		t.Errorf("%d mcs stay held", held)
	}
	if f.lived.Load() == 0 {
		t.Error("no cluster lived")
	}
	t.Logf("%d clusters lived, %d were refused, %d mcs used", f.lived.Load(), f.refused.Load(), ran)
}

func (f *fleet) observe(ctx context.Context) error {
	for ctx.Err() == nil {
		round := f.second.Load() + 5
		if err := f.db.Books.ProveLifeNow(f.t.Context(), f.host, at(int(round)), f.proofs...); err != nil {
			return err
		}
		f.second.Store(round)
	}
	return nil
}

func (f *fleet) settle(ctx context.Context) error {
	for ctx.Err() == nil {
		if _, err := f.db.Books.SettleUsage(f.t.Context(), at(int(f.second.Load()))); err != nil {
			return err
		}
	}
	return nil
}

// live takes a cluster from its hold to its release, over some rounds.
func (f *fleet) live(ctx context.Context, id uuid.UUID) error {
	err := f.db.Books.HoldNow(ctx, f.provider, f.org, id, 100_000, at(0))
	if _, ok := refusal.As(err); ok {
		f.refused.Add(1)
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := f.pool.Exec(ctx, `
		WITH c AS (UPDATE clusters SET desired = 'running', ready_at = $2, lease_ends_at = $2::timestamptz + interval '50 s' WHERE id = $1)
		UPDATE nodes SET state = 'ready', desired = 'running' WHERE cluster_id = $1`, id, at(int(f.second.Load())+1)); err != nil {
		return err
	}
	if err := f.db.Books.BeginRunsNow(ctx, id); err != nil {
		return err
	}
	if err := f.rounds(ctx, 5+rand.Int64N(60)); err != nil {
		return err
	}
	// It is no longer wanted some rounds before its machines are off, and so no round resumes its runs after their end.
	if _, err := f.pool.Exec(ctx, `
		WITH c AS (UPDATE clusters SET desired = 'gone' WHERE id = $1) UPDATE nodes SET desired = 'gone' WHERE cluster_id = $1`, id); err != nil {
		return err
	}
	if err := f.rounds(ctx, 10); err != nil {
		return err
	}
	if err := f.db.Books.EndRunsNow(ctx, id, nil, "asked"); err != nil {
		return err
	}
	f.lived.Add(1)
	return f.db.Books.ReleaseNow(ctx, id, at(int(f.second.Load())))
}

// rounds lets so many seconds of rounds pass, with somebody looking at the wallet all the while.
func (f *fleet) rounds(ctx context.Context, seconds int64) error {
	for until := f.second.Load() + seconds; f.second.Load() < until; {
		if _, err := f.db.Books.Wallet(ctx, f.org); err != nil {
			return err
		}
	}
	return nil
}
