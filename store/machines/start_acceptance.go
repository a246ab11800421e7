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
	testCompute = 2
	testsPerDay = 50
	testsAtOnce = 3
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
// allow, where those have fewer or want more) on the pool's test share, free and sealed, and queues the run. Refusals: "draft", "image", "image_lost", "shape",
// "capacity" with the reason of every host, "test_limit" (per organization and day, testsAtOnce at a time, and one of a version), "suspended",
// NotFound("version" or "pool").
func (db *DB) StartAcceptanceTest(ctx context.Context, orgID, by, versionID, poolID uuid.UUID) (uuid.UUID, error) {
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	clusterID, err := store.NewID()
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
		c, err := readLaunch(ctx, tx, orgID, LaunchRequest{VersionID: versionID, PoolID: poolID})
		if err != nil {
			return err
		}
		c.Test, c.Counts = true, testCounts(c.Version.Model)
		if err := refuseTests(ctx, tx, orgID, versionID); err != nil {
			return err
		}
		plan, refusal := c.judge()
		if refusal != nil {
			return refusal
		}
		limit, err := testLimit(ctx, tx, plan.Place)
		if err != nil {
			return err
		}
		// The last 12 hexadecimal digits of an id are random, unlike its first.
		name := "test-" + hex.EncodeToString(clusterID[10:])
		cl := newCluster{ID: clusterID, OrganizationID: orgID, By: by, Kind: "test", Name: name, Lease: limit}
		if err := cl.reserve(ctx, tx, c, plan); err != nil {
			return err
		}
		if err := db.insertTest(ctx, tx, id, cl, c); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Provider: c.Pool.ProviderID, Verb: "start acceptance test", Subject: "acceptance_test", SubjectID: id,
		})
	})
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
	var today, running, all int
	err := tx.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE created_at > now() - interval '1 day'), count(*) FILTER (WHERE version_id = $2 AND state = 'running'), count(*) FILTER (WHERE state = 'running')
		FROM acceptance_tests WHERE organization_id = $1 AND (created_at > now() - interval '1 day' OR state = 'running')`,
		orgID, versionID).Scan(&today, &running, &all)
	if err != nil {
		return fmt.Errorf("count tests: %w", err)
	}
	switch {
	case running > 0:
		return &refusal.Error{Code: "test_limit", Title: "A test of this version is running already.", Next: "Follow that one, and start another when it has ended."}
	case all >= testsAtOnce:
		return &refusal.Error{
			Code: "test_limit", Title: fmt.Sprintf("Your organization runs %d acceptance tests now, which is the most at a time.", all),
			Next: "Wait until one of them has ended, or cancel one on its page.",
		}
	case today >= testsPerDay:
		return &refusal.Error{
			Code: "test_limit", Title: fmt.Sprintf("Your organization has started %d acceptance tests in the last 24 hours, which is the most.", today),
			Next: "Try again tomorrow.",
		}
	}
	return nil
}

func (db *DB) insertTest(ctx context.Context, tx pgx.Tx, id uuid.UUID, cl newCluster, c launchCase) error {
	nonce := make([]byte, 8)
	_, _ = rand.Read(nonce) // never fails
	_, err := tx.Exec(ctx, `
		INSERT INTO acceptance_tests (id, organization_id, provider_id, pool_id, version_id, cluster_id, person_id, nonce, document_digest, state, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'running', now())`,
		id, cl.OrganizationID, c.Pool.ProviderID, c.Pool.ID, c.Version.ID, cl.ID, cl.By, hex.EncodeToString(nonce), c.Version.DocumentDigest)
	if err != nil {
		return fmt.Errorf("start acceptance test: %w", err)
	}
	if err := store.Enqueue(ctx, tx, queue.RunAcceptance{TestID: id}); err != nil {
		return fmt.Errorf("queue acceptance test: %w", err)
	}
	return nil
}
