package machines

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/people"
	"volary.dev/store/queue"
)

// What an acceptance test takes, and how many an organization may have: it is free.
const (
	testCompute  = 2
	testsPerDay  = 50
	testsAtOnce  = 3
	testsWaiting = 10 // for their turn, over all pools
)

// testCounts are the nodes of a test: of each group its least, and one at least where it may have any; and with room for more, as
// many as testCompute in all groups together, of the first groups first.
func testCounts(m provisioner.Model) Counts {
	counts, more := Counts{}, testCompute
	for _, g := range m.Compute {
		counts[g.Name] = max(g.Count.Least, min(1, g.Count.Most))
		more -= counts[g.Name]
	}
	for _, g := range m.Compute {
		add := max(min(more, g.Count.Most-counts[g.Name]), 0)
		counts[g.Name] += add
		more -= add
	}
	return counts
}

// StartAcceptanceTest reserves one head and two compute nodes (one of each group, where there are more groups, and as many as their ranges
// allow, where those have fewer or want more) on the pool's test share, free and sealed, and queues the run. Where that cannot be done now, for
// the organization runs testsAtOnce, others come first, or the share has no room, the test waits: BeginWaitingTests begins it. Refusals: "draft",
// "image", "image_lost", "shape", "capacity" with the reason of every host (of what the pool has no room for however few others there are),
// "test_limit" (per organization and day, testsWaiting that wait, and one of a version), "suspended", NotFound("version" or "pool").
func (db *DB) StartAcceptanceTest(ctx context.Context, orgID, by, versionID, poolID uuid.UUID) (uuid.UUID, error) {
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockPool(ctx, tx, poolID); err != nil {
			return err
		}
		if err := models.HoldVersion(ctx, tx, orgID, versionID); err != nil {
			return err
		}
		c, err := readTest(ctx, tx, orgID, versionID, poolID)
		if err != nil {
			return err
		}
		if err := refuseTests(ctx, tx, orgID, versionID); err != nil {
			return err
		}
		plan, refusal := c.size()
		if refusal == nil {
			refusal = c.neverFits(plan)
		}
		if refusal != nil {
			return refusal
		}
		if err := db.startOrWait(ctx, tx, waitingTest{ID: id, OrganizationID: orgID, PersonID: by}, c, plan); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Provider: c.Pool.ProviderID, Verb: "start acceptance test", Subject: "acceptance_test", SubjectID: id,
		})
	})
}

// readTest reads the case of a test.
func readTest(ctx context.Context, tx pgx.Tx, orgID, versionID, poolID uuid.UUID) (launchCase, error) {
	c, err := readLaunch(ctx, tx, orgID, LaunchRequest{VersionID: versionID, PoolID: poolID})
	c.Test, c.Counts = true, testCounts(c.Version.Model)
	return c, err
}

// startOrWait begins a new test where it is its turn and there is room; else it waits.
func (db *DB) startOrWait(ctx context.Context, tx pgx.Tx, t waitingTest, c launchCase, plan launchPlan) error {
	queue, err := readTestQueue(ctx, tx, c.Pool.ID)
	if err != nil {
		return err
	}
	if err := t.readTurn(ctx, tx, c.Pool.ID); err != nil {
		return err
	}
	place, why := queue.placeOf(t)
	if why == "" {
		if refusal := c.place(&plan); refusal != nil {
			why = refusal.Title
		}
	}
	if why != "" {
		return insertTest(ctx, tx, t, c, uuid.Nil, place, why)
	}
	cl, err := reserveTest(ctx, tx, t, c, plan)
	if err != nil {
		return err
	}
	if err := insertTest(ctx, tx, t, c, cl, 0, ""); err != nil {
		return err
	}
	return queueTest(ctx, tx, t.ID)
}

// reserveTest reserves the cluster of a test.
func reserveTest(ctx context.Context, tx pgx.Tx, t waitingTest, c launchCase, plan launchPlan) (uuid.UUID, error) {
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	limit, err := testLimit(ctx, tx, plan.Place)
	if err != nil {
		return uuid.Nil, err
	}
	// The last 12 hexadecimal digits of an id are random, unlike its first.
	name := "test-" + hex.EncodeToString(id[10:])
	cl := newCluster{ID: id, OrganizationID: t.OrganizationID, By: t.PersonID, Kind: "test", Name: name, Lease: limit}
	return id, cl.reserve(ctx, tx, c, plan)
}

// testLimit is how long a test on these hosts may take, in seconds. It is the lease of its cluster, and so what job and sweep go by.
func testLimit(ctx context.Context, q store.Queryer, on placement.Plan) (int64, error) {
	var emulated bool
	err := q.QueryRow(ctx, `SELECT coalesce(bool_or(acceleration = $2), false) FROM hosts WHERE id = ANY ($1)`,
		append([]uuid.UUID{on.Head}, on.Compute...), provisioner.AccelerationTCG).Scan(&emulated)
	if err != nil {
		return 0, fmt.Errorf("read how the test's hosts compute: %w", err)
	}
	return int64(provisioner.TestLimit(emulated).Seconds()), nil
}

// refuseTests keeps one organization from filling the test share for ever, and a suspended one from testing. The organization is locked, so that two
// tests at once are counted one after the other.
func refuseTests(ctx context.Context, tx pgx.Tx, orgID, versionID uuid.UUID) error {
	if _, err := tx.Exec(ctx, `SELECT FROM organizations WHERE id = $1 FOR NO KEY UPDATE`, orgID); err != nil {
		return fmt.Errorf("count tests: %w", err)
	}
	// After the lock above, which is the stronger one; and before what waiting would mend.
	if err := people.RefuseSuspended(ctx, tx, orgID); err != nil {
		return err
	}
	var today, same, waiting int
	err := tx.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE created_at > now() - interval '1 day'), count(*) FILTER (WHERE version_id = $2 AND ended_at IS NULL), count(*) FILTER (WHERE state = 'waiting')
		FROM acceptance_tests WHERE organization_id = $1 AND (created_at > now() - interval '1 day' OR ended_at IS NULL)`,
		orgID, versionID).Scan(&today, &same, &waiting)
	if err != nil {
		return fmt.Errorf("count tests: %w", err)
	}
	switch {
	case same > 0:
		return &refusal.Error{Code: "test_limit", Title: "A test of this version is running already, or waits.", Next: "Follow that one, and start another when it has ended."}
	case waiting >= testsWaiting:
		return &refusal.Error{
			Code: "test_limit", Title: fmt.Sprintf("Of your organization %d acceptance tests wait, which is the most.", waiting),
			Next: "Start another once one of them has begun, or cancel one on its page.",
		}
	case today >= testsPerDay:
		return &refusal.Error{
			Code: "test_limit", Title: fmt.Sprintf("Your organization has started %d acceptance tests in the last 24 hours, which is the most.", today),
			Next: "Try again tomorrow.",
		}
	}
	return nil
}

// insertTest writes a test down: with its cluster, or (Nil) at its place among those that wait, and why it does.
func insertTest(ctx context.Context, tx pgx.Tx, t waitingTest, c launchCase, cluster uuid.UUID, place int, why string) error {
	nonce := make([]byte, 8)
	_, _ = rand.Read(nonce) // never fails
	_, err := tx.Exec(ctx, `
		INSERT INTO acceptance_tests (id, organization_id, provider_id, pool_id, version_id, cluster_id, person_id, nonce, document_digest, state, begun_at, place, waits_for, created_at)
		VALUES ($1, $2, $3, $4, $5, $6::uuid, $7, $8, $9, CASE WHEN $6::uuid IS NULL THEN 'waiting' ELSE 'running' END, CASE WHEN $6::uuid IS NULL THEN NULL ELSE now() END,
			nullif($10, 0), left($11, 1000), now())`,
		t.ID, t.OrganizationID, c.Pool.ProviderID, c.Pool.ID, c.Version.ID, store.OrNull(cluster), t.PersonID, hex.EncodeToString(nonce), c.Version.DocumentDigest, place, why)
	if err != nil {
		return fmt.Errorf("start acceptance test: %w", err)
	}
	return nil
}

// queueTest has a test followed that has its cluster.
func queueTest(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if err := store.Enqueue(ctx, tx, queue.RunAcceptance{TestID: id}); err != nil {
		return fmt.Errorf("queue acceptance test: %w", err)
	}
	return nil
}
