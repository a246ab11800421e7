package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
	"volary.dev/store/floors"
	"volary.dev/store/people"
)

// OpenMany is Open with so many connections, for as many writers at once.
func OpenMany(t testing.TB, pool *pgxpool.Pool, connections int) *floors.All {
	t.Helper()
	config := pool.Config()
	config.ConnConfig.RuntimeParams["role"], config.MaxConns = string(servers), int32(connections)
	many := check[*pgxpool.Pool](t)(pgxpool.NewWithConfig(context.Background(), config))
	t.Cleanup(many.Close)
	return floors.New(many, Options())
}

// Crowd are writers of the books of one provider and four organizations: each has a cluster of one node, grants, sets aside, lets
// it run, releases, and settles now and then, in a time of its own, with fewer hours than all of them want.
type Crowd struct {
	db       *floors.All
	provider uuid.UUID
	left     atomic.Int64 // operations
	refused  atomic.Int64
	latest   atomic.Int64 // microsecond of any writer
	writers  []*writer
}

// CrowdReport is what a crowd did.
type CrowdReport struct {
	Operations, Refused int // transactions of the books; those of them that found no hours
	Took                time.Duration
	Entries             int
}

type writer struct {
	*Crowd
	org, cluster, host, node uuid.UUID
	now                      time.Time
}

// NewCrowd makes the rows of a World's crowd. db may have more connections than the World's own.
func NewCrowd(t testing.TB, w *World, db *floors.All, writers int) *Crowd {
	t.Helper()
	c := &Crowd{db: db, provider: w.Provider}
	type group struct{ org, image, version uuid.UUID }
	var groups []group
	for n := range 4 {
		org := check[uuid.UUID](t)(w.DB.People.CreateOrganization(t.Context(), uuid.Nil, fmt.Sprintf("Group %d", n+1)))
		noError(t, w.DB.People.AddMember(t.Context(), uuid.Nil, org, w.Person, people.RoleOwner))
		image := w.AddImage(t, org, w.Person)
		model := check[uuid.UUID](t)(w.DB.Models.CreateModelCluster(t.Context(), org, w.Person, "trial"))
		groups = append(groups, group{org, image, w.Publish(t, org, model, image, "1.0")})
	}
	begin := time.Now().UTC().Truncate(time.Second).Add(time.Hour)
	for n := range writers {
		g := groups[n%len(groups)]
		x := &writer{Crowd: c, org: g.org, host: w.Hosts[n%len(w.Hosts)], cluster: uuid.Must(uuid.NewV7()), node: uuid.Must(uuid.NewV7()), now: begin}
		w.Exec(t, `INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, lease_seconds, document_digest, created_at)
			SELECT $1, $2, $3, $4, id, $6, 'cluster', $7, 'running', 60, document_digest, now() FROM model_versions WHERE id = $5`, x.cluster, x.org, w.Provider, w.PoolID, g.version, w.Person, fmt.Sprintf("crowd-%d", n+1))
		w.Exec(t, `INSERT INTO batches (id, cluster_id, organization_id, kind, held, created_at) VALUES ($1, $1, $2, 'launch', 0, now())`, x.cluster, x.org)
		w.Exec(t, `INSERT INTO nodes (id, batch_id, cluster_id, organization_id, provider_id, host_id, role, group_name, name, mac, address, shape_name, vcpus, memory_mib, disk_gib,
			rate, image_id, image_digest, state, start_id, state_at)
			VALUES ($1, $2, $2, $3, $4, $5, 'head', 'head', 'head', '52:54:00:00:00:01', '10.64.0.11', 'small', 1, 512, 1, 1000, $6, '', 'starting', 's1', now())`,
			x.node, x.cluster, x.org, w.Provider, x.host, g.image)
		c.writers = append(c.writers, x)
	}
	return c
}

// Run lets the crowd do so many operations, settles what is left, and gives what is not as it has to be: a difference of the
// proof, postings that do not sum to zero, hours that stay held, or that were used otherwise than the nodes ran.
func (c *Crowd) Run(ctx context.Context, pool *pgxpool.Pool, operations int) (CrowdReport, error) {
	c.left.Store(int64(operations))
	begun := time.Now()
	all, at := errgroup.WithContext(ctx)
	for _, w := range c.writers {
		all.Go(func() error { return w.live(at) })
	}
	if err := all.Wait(); err != nil {
		return CrowdReport{}, err
	}
	report := CrowdReport{Operations: operations, Refused: int(c.refused.Load()), Took: time.Since(begun)}
	if _, err := c.db.Books.SettleUsage(ctx, time.UnixMicro(c.latest.Load()).Add(24*time.Hour)); err != nil {
		return report, err
	}
	proof, err := c.db.Books.VerifyLedger(ctx)
	if err != nil {
		return report, err
	}
	if report.Entries = proof.Entries; proof.Difference != nil {
		return report, proof.Difference
	}
	var sum, least, held, ran, used int64
	err = pool.QueryRow(ctx, `
		SELECT (SELECT sum(hours) FROM ledger_postings)::bigint, (SELECT min(least(available, held, used, expired)) FROM lots), (SELECT sum(held) FROM lots)::bigint,
		       (SELECT coalesce(sum(extract(epoch FROM ended_at - started_at) * rate), 0) FROM runs)::bigint, (SELECT sum(used) FROM lots)::bigint`).Scan(&sum, &least, &held, &ran, &used)
	if err == nil && (sum != 0 || least < 0 || held != 0 || ran != used || used == 0) {
		err = fmt.Errorf("postings sum to %d, the least account has %d, %d mcs stay held, nodes ran for %d and %d were used", sum, least, held, ran, used)
	}
	return report, err
}

// operation does one thing, or tells that all is done.
func (w *writer) operation(ctx context.Context, f func(pgx.Tx) error) (more bool, err error) {
	if w.left.Add(-1) < 0 {
		return false, nil
	}
	return true, w.db.Core.Tx(ctx, f)
}

// live goes from hold to release again and again, and leaves nothing running.
func (w *writer) live(ctx context.Context) error {
	for w.left.Load() > 0 {
		held, err := w.hold(ctx)
		if err == nil && held {
			err = w.run(ctx)
		}
		if err == nil && rand.IntN(20) == 0 && w.left.Add(-1) >= 0 {
			_, err = w.db.Books.SettleUsage(ctx, w.now)
		}
		if err != nil {
			return err
		}
		w.now = w.now.Add(time.Minute)
	}
	for last := w.latest.Load(); w.now.UnixMicro() > last && !w.latest.CompareAndSwap(last, w.now.UnixMicro()); last = w.latest.Load() {
	}
	return nil
}

// hold sets a lease's hours aside. Where there are none the organization gets some, half of which expire soon.
func (w *writer) hold(ctx context.Context) (held bool, err error) {
	more, err := w.operation(ctx, func(tx pgx.Tx) error {
		return w.db.Books.Hold(ctx, tx, w.provider, w.org, w.cluster, billing.Hours(60_000+rand.Int64N(30_000)), w.now)
	})
	if _, ok := refusal.As(err); !ok {
		return more && err == nil, err
	}
	w.refused.Add(1)
	if w.left.Add(-1) < 0 {
		return false, nil
	}
	g := books.Grant{ProviderID: w.provider, OrganizationID: w.org, Hours: billing.Hours(200_000 + rand.Int64N(2_000_000))}
	if rand.IntN(2) == 0 {
		soon := w.now.Add(time.Duration(rand.IntN(3600)) * time.Second)
		g.ExpiresAt = &soon
	}
	_, err = w.db.Books.GrantHours(ctx, g)
	return false, err
}

// run begins, is proven some times, ends and is released. The last two come whether or not all is done.
func (w *writer) run(ctx context.Context) error {
	_, err := w.operation(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			WITH c AS (UPDATE clusters SET desired = 'running', ready_at = $2, lease_ends_at = $2::timestamptz + interval '60 s' WHERE id = $1)
			UPDATE nodes SET state = 'ready' WHERE cluster_id = $1`, w.cluster, w.now)
		if err != nil {
			return err
		}
		return w.db.Books.BeginRuns(ctx, tx, w.cluster, nil)
	})
	for n := range 1 + rand.IntN(4) {
		if err != nil {
			return err
		}
		_, err = w.operation(ctx, func(tx pgx.Tx) error {
			return w.db.Books.ProveLife(ctx, tx, w.host, w.now.Add(time.Duration(n+1)*10*time.Second), 5*time.Second, []billing.Proof{{NodeID: w.node, StartID: "s1"}})
		})
	}
	if err != nil {
		return err
	}
	w.left.Add(-1)
	return w.db.Core.Tx(ctx, func(tx pgx.Tx) error {
		if err := w.db.Books.EndRuns(ctx, tx, w.cluster, nil, "asked"); err != nil {
			return err
		}
		return w.db.Books.Release(ctx, tx, w.cluster, w.now.Add(50*time.Second))
	})
}
