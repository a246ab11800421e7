package machines

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// waitingTest is an acceptance test that has no cluster yet.
type waitingTest struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	PersonID       uuid.UUID
	VersionID      uuid.UUID
	Place          int
	WaitsFor       string
	CreatedAt      time.Time
	Running        int // tests of its organization that run now, on any pool
	Ahead          int // that wait on the pool, are its organization's, and are older
	// Last is when the newest test of its organization on the pool began; nil: none has.
	Last *time.Time
}

// before orders tests of several organizations: the first one of each, that of whoever began one longest ago first, then the second one of
// each. So each organization gets one in its turn, however many another has queued.
func (t waitingTest) before(o waitingTest) int {
	last := func(w waitingTest) time.Time {
		if w.Last == nil {
			return time.Time{}
		}
		return *w.Last
	}
	return cmp.Or(cmp.Compare(t.Ahead, o.Ahead), last(t).Compare(last(o)), t.CreatedAt.Compare(o.CreatedAt), slices.Compare(t.ID[:], o.ID[:]))
}

// held says why a test waits wherever there is room; empty: it does not.
func (t waitingTest) held() string {
	if t.Running < testsAtOnce {
		return ""
	}
	return fmt.Sprintf("Your organization runs %s now, which is the most at a time.", refusal.Plural(t.Running, "acceptance test", "acceptance tests"))
}

// testQueue is what waits on a pool, in its order.
type testQueue []waitingTest

// othersFirst is why a test waits that is not the next.
const othersFirst = "Other tests on this pool come first: each organization has one in its turn."

// placeOf is where a new test would come in, 1 being the next, and why it would have to wait, as far as the queue knows; empty: it is
// its turn.
func (q testQueue) placeOf(t waitingTest) (place int, why string) {
	for _, other := range q {
		if other.OrganizationID == t.OrganizationID {
			t.Ahead++
		}
	}
	place, why = 1, t.held()
	for _, other := range q {
		if t.before(other) < 0 {
			continue
		}
		place++
		if why == "" && other.held() == "" {
			why = othersFirst
		}
	}
	return place, why
}

// readTestQueue reads what waits on a pool, which is locked.
func readTestQueue(ctx context.Context, tx pgx.Tx, poolID uuid.UUID) (testQueue, error) {
	rows, _ := tx.Query(ctx, `
		SELECT t.id, t.organization_id, t.person_id, t.version_id, t.place, t.waits_for, t.created_at, r.running, r.last,
			(row_number() OVER (PARTITION BY t.organization_id ORDER BY t.created_at, t.id) - 1)::int AS ahead
		FROM acceptance_tests t CROSS JOIN LATERAL (
			SELECT (count(*) FILTER (WHERE o.state = 'running'))::int AS running, max(o.begun_at) FILTER (WHERE o.pool_id = t.pool_id) AS last
			FROM acceptance_tests o WHERE o.organization_id = t.organization_id) AS r
		WHERE t.pool_id = $1 AND t.state = 'waiting'`, poolID)
	list, err := store.All(rows, "waiting tests", pgx.RowToStructByName[waitingTest])
	q := testQueue(list)
	slices.SortStableFunc(q, waitingTest.before)
	return q, err
}

// readTurn reads what a test's turn on a pool follows from, beside the queue.
func (t *waitingTest) readTurn(ctx context.Context, tx pgx.Tx, poolID uuid.UUID) error {
	err := tx.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE state = 'running'), max(begun_at) FILTER (WHERE pool_id = $2), now() FROM acceptance_tests WHERE organization_id = $1`,
		t.OrganizationID, poolID).Scan(&t.Running, &t.Last, &t.CreatedAt)
	if err != nil {
		return fmt.Errorf("read the turn of test %s: %w", t.ID, err)
	}
	return nil
}

// keep writes down where each stands and what it waits for, where that has changed: pages show it within a second.
func (q testQueue) keep(ctx context.Context, tx pgx.Tx, first string) error {
	batch := &pgx.Batch{}
	next := true
	for i, t := range q {
		why := t.held()
		switch {
		case why != "":
		case next:
			why, next = first, false
		default:
			why = othersFirst
		}
		if t.Place != i+1 || t.WaitsFor != why {
			batch.Queue(`UPDATE acceptance_tests SET place = $2, waits_for = left($3, 1000) WHERE id = $1 AND state = 'waiting'`, t.ID, i+1, why)
		}
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("keep the queue of tests: %w", err)
	}
	return nil
}

// neverFits refuses a test for which the pool has no room even without all that its hosts carry now: to wait would be in vain.
func (c launchCase) neverFits(p launchPlan) *refusal.Error {
	now := c.Hosts
	c.Hosts, c.Tests = slices.Clone(c.Hosts), 0
	for i := range c.Hosts {
		c.Hosts[i].Used, c.Hosts[i].Images = provisioner.Shape{}, nil
	}
	empty := p
	if c.place(&empty) == nil {
		return nil
	}
	c.Hosts = now
	return c.place(&p)
}
