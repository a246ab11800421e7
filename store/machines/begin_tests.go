package machines

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/people"
)

// TestPatience is how long a test waits for its turn before it ends as cancelled.
const TestPatience = 24 * time.Hour

// BeginWaitingTests begins the acceptance tests whose turn has come, on every pool: organizations take turns, one that has its most
// running is passed by, and no other is, so that a large test is not overtaken by small ones for ever. What cannot begin any more,
// however long it waited, ends as cancelled and says why; so does what waited for TestPatience. It returns how many began. Any number of
// workers may call it: a pool is one's at a time.
func (db *DB) BeginWaitingTests(ctx context.Context) (int, error) {
	rows, _ := db.pool.Query(ctx, `SELECT DISTINCT pool_id FROM acceptance_tests WHERE state = 'waiting' ORDER BY pool_id`)
	pools, err := store.All(rows, "pools on which tests wait", pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, err
	}
	began := 0
	var errs []error
	for _, id := range pools {
		for more := true; more && ctx.Err() == nil; {
			err := db.core.Tx(ctx, func(tx pgx.Tx) (err error) {
				var begun bool
				if begun, more, err = db.beginNextTest(ctx, tx, id); begun {
					began++
				}
				return err
			})
			if err != nil {
				errs = append(errs, fmt.Errorf("begin tests on pool %s: %w", id, err))
				break
			}
		}
	}
	return began, errors.Join(errs...)
}

// beginNextTest does what is to be done for the first test of a pool that may begin; more tells that another one may be the first now.
func (db *DB) beginNextTest(ctx context.Context, tx pgx.Tx, poolID uuid.UUID) (begun, more bool, err error) {
	if err := lockPool(ctx, tx, poolID); err != nil {
		return false, false, err
	}
	queue, err := readTestQueue(ctx, tx, poolID)
	if err != nil {
		return false, false, err
	}
	for _, t := range queue {
		if t.held() != "" {
			continue
		}
		why, ended, err := db.beginTest(ctx, tx, t, poolID)
		switch {
		case err != nil:
			return false, false, err
		case ended != "":
			return false, true, models.EndWaitingTest(ctx, db.core, tx, t.ID, ended)
		case why == "":
			return true, true, nil
		}
		return false, false, queue.keep(ctx, tx, why)
	}
	return false, false, queue.keep(ctx, tx, "")
}

// beginTest gives a test its cluster. why is why it has to wait on, ended why it never will begin; both empty: it began, or was cancelled
// at this moment.
func (db *DB) beginTest(ctx context.Context, tx pgx.Tx, t waitingTest, poolID uuid.UUID) (why, ended string, err error) {
	// As StartAcceptanceTest: two tests of one organization are counted one after the other, on whatever pools.
	if _, err := tx.Exec(ctx, `SELECT FROM organizations WHERE id = $1 FOR NO KEY UPDATE`, t.OrganizationID); err != nil {
		return "", "", fmt.Errorf("begin test %s: %w", t.ID, err)
	}
	asked := t.CreatedAt
	if err := t.readTurn(ctx, tx, poolID); err != nil || t.held() != "" {
		return t.held(), "", err
	}
	c, plan, err := db.judgeWaiting(ctx, tx, t, poolID)
	if r, ok := refusal.As(err); ok {
		return "", "It did not begin: " + r.Title, nil
	}
	if err != nil {
		return "", "", err
	}
	if refusal := c.place(&plan); refusal != nil {
		if c.Now.Sub(asked) > TestPatience {
			return "", fmt.Sprintf("It did not begin within %d h: %s", int(TestPatience.Hours()), refusal.Title), nil
		}
		return refusal.Title, "", nil
	}
	var waits bool
	// Whoever cancels it locks it alone, and finds it begun or ended.
	err = tx.QueryRow(ctx, `SELECT state = 'waiting' FROM acceptance_tests WHERE id = $1 FOR UPDATE`, t.ID).Scan(&waits)
	if err != nil || !waits {
		return "", "", store.Found(err, "acceptance test")
	}
	cluster, err := reserveTest(ctx, tx, t, c, plan)
	if r, ok := refusal.As(err); ok && r.Code == "capacity" {
		return r.Title, "", nil // no network is free; nothing is written before that is known
	}
	if err != nil {
		return "", "", err
	}
	_, err = tx.Exec(ctx, `
		UPDATE acceptance_tests SET state = 'running', cluster_id = $2, begun_at = now(), place = NULL, waits_for = '' WHERE id = $1`, t.ID, cluster)
	if err != nil {
		return "", "", fmt.Errorf("begin test %s: %w", t.ID, err)
	}
	return "", "", queueTest(ctx, tx, t.ID)
}

// judgeWaiting reads the case of a test that waited, and refuses what no waiting mends.
func (db *DB) judgeWaiting(ctx context.Context, tx pgx.Tx, t waitingTest, poolID uuid.UUID) (c launchCase, plan launchPlan, err error) {
	err = people.RefuseIdle(ctx, tx, t.OrganizationID, t.PersonID)
	if r, ok := refusal.As(err); ok && r.Code == "forbidden" {
		// Others read it than the person whom that refusal speaks to.
		return c, plan, &refusal.Error{Code: r.Code, Title: "Who asked for it may not run clusters of this organization any more.", Next: "Start it again."}
	}
	if err != nil {
		return c, plan, err
	}
	c, err = readTest(ctx, tx, t.OrganizationID, t.VersionID, poolID)
	if r, ok := refusal.As(err); ok && r.Code == "not_found" {
		return c, plan, &refusal.Error{Code: r.Code, Title: "The provider takes no tests now.", Next: "Choose a pool of another one."}
	}
	if err != nil {
		return c, plan, err
	}
	plan, refused := c.size()
	if refused != nil {
		return c, plan, refused
	}
	return c, plan, nil
}
