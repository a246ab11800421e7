package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// TestState is where an acceptance test stands.
type TestState string

// The states of an acceptance test.
const (
	TestWaiting   TestState = "waiting" // for its turn, without a cluster
	TestRunning   TestState = "running"
	TestPassed    TestState = "passed"
	TestFailed    TestState = "failed"
	TestCancelled TestState = "cancelled" // it says nothing of its version
)

// Open tells whether the test has not ended.
func (s TestState) Open() bool { return s == TestWaiting || s == TestRunning }

// AcceptanceTest is one free run of a version.
type AcceptanceTest struct {
	ID               uuid.UUID
	OrganizationID   uuid.UUID
	VersionID        uuid.UUID
	Version          string
	ModelClusterID   uuid.UUID
	ModelClusterName string
	PoolID           uuid.UUID
	PoolName         string
	ProviderName     string
	ClusterID        uuid.UUID // Nil: it waits, or was cancelled while it did
	PersonName       string
	Nonce            string
	DocumentDigest   string // of the version that was tested
	State            TestState
	Report           provisioner.Report
	LimitSeconds     int64 // from when it began to its end, at most; 0: it has not begun
	Place            int   // among those that wait on its pool, 1 is the next; 0: it does not wait
	WaitsFor         string
	EndedWhy         string // of a cancelled one
	CreatedAt        time.Time
	BegunAt          *time.Time
	EndedAt          *time.Time
}

const selectTests = `
	SELECT t.id, t.organization_id, t.version_id, v.version, v.model_cluster_id, m.name AS model_cluster_name, t.pool_id,
		p.name AS pool_name, pr.name AS provider_name, coalesce(t.cluster_id, '00000000-0000-0000-0000-000000000000') AS cluster_id, pe.name AS person_name, t.nonce, t.document_digest,
		t.state, t.report, coalesce(c.lease_seconds, 0) AS limit_seconds, coalesce(t.place, 0) AS place, t.waits_for, t.ended_why, t.created_at, t.begun_at, t.ended_at
	FROM acceptance_tests t
	JOIN model_versions v ON v.id = t.version_id
	JOIN model_clusters m ON m.id = v.model_cluster_id
	LEFT JOIN clusters c ON c.id = t.cluster_id
	JOIN pools p ON p.id = t.pool_id
	JOIN providers pr ON pr.id = t.provider_id
	JOIN people pe ON pe.id = t.person_id`

// TestFilter narrows and orders a list of acceptance tests. Sorting keys: created, state, pool, took.
type TestFilter struct {
	State TestState // empty: all
	store.Sorting
	store.Page
}

var testColumns = store.Sortable{"created": "t.created_at", "state": "t.state", "pool": "p.name", "took": "t.ended_at - coalesce(t.begun_at, t.created_at)"}

// AcceptanceTests lists the tests of a version, the newest first where the filter says nothing else, and how many the
// filter leaves.
func (db *DB) AcceptanceTests(ctx context.Context, orgID, versionID uuid.UUID, f TestFilter) (list []AcceptanceTest, total int, err error) {
	const where = ` WHERE t.organization_id = $1 AND t.version_id = $2 AND ($3 = '' OR t.state = $3)`
	args := []any{orgID, versionID, string(f.State)}
	if total, err = db.core.Count(ctx, `SELECT count(*) FROM acceptance_tests t`+where, args...); err != nil {
		return nil, 0, err
	}
	rows, _ := db.pool.Query(ctx, selectTests+where+
		testColumns.OrderBy(f.Sorting, "t.created_at DESC, t.id DESC")+` LIMIT $4 OFFSET $5`, append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "acceptance tests", pgx.RowToStructByName[AcceptanceTest])
	return list, total, err
}

// AcceptanceTest shows one test.
func (db *DB) AcceptanceTest(ctx context.Context, orgID, id uuid.UUID) (AcceptanceTest, error) {
	rows, _ := db.pool.Query(ctx, selectTests+` WHERE t.organization_id = $1 AND t.id = $2`, orgID, id)
	return store.One(rows, "acceptance test", pgx.RowToStructByName[AcceptanceTest])
}

// TestForWorker is AcceptanceTest without a scope.
func (db *DB) TestForWorker(ctx context.Context, id uuid.UUID) (AcceptanceTest, error) {
	rows, _ := db.pool.Query(ctx, selectTests+` WHERE t.id = $1`, id)
	return store.One(rows, "acceptance test", pgx.RowToStructByName[AcceptanceTest])
}

// TestEvidence is what was seen of a test so far, in the words of whoever follows it; an empty object before the first look.
func (db *DB) TestEvidence(ctx context.Context, id uuid.UUID) (json.RawMessage, error) {
	var e json.RawMessage
	err := db.pool.QueryRow(ctx, `SELECT evidence FROM acceptance_tests WHERE id = $1`, id).Scan(&e)
	return e, store.Found(err, "acceptance test")
}

// RecordTestProgress keeps the report of a running test as far as it has come, and the evidence that it was made of.
func (db *DB) RecordTestProgress(ctx context.Context, id uuid.UUID, r provisioner.Report, evidence json.RawMessage) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("report of test %s: %w", id, err)
	}
	if _, err := db.pool.Exec(ctx, `UPDATE acceptance_tests SET report = $2, evidence = $3 WHERE id = $1 AND state = 'running'`, id, b, evidence); err != nil {
		return fmt.Errorf("report of test %s: %w", id, err)
	}
	return nil
}

// CancelTest ends a test that waits or runs as cancelled, for a reason that is a sentence, in the transaction of a caller that has locked
// nothing of the test's cluster. What was found so far stays. One that has ended stays as it is.
func (db *DB) CancelTest(ctx context.Context, tx pgx.Tx, id uuid.UUID, why string) error {
	var r provisioner.Report
	if err := tx.QueryRow(ctx, `SELECT report FROM acceptance_tests WHERE id = $1`, id).Scan(&r); err != nil {
		return store.Found(err, "acceptance test")
	}
	return db.endTest(ctx, tx, id, testEnd{State: TestCancelled, Why: why, Report: r})
}

// FinishTest is FinishAcceptanceTest in the transaction of a caller that has locked nothing of the test's cluster.
func (db *DB) FinishTest(ctx context.Context, tx pgx.Tx, id uuid.UUID, state TestState, r provisioner.Report) error {
	return db.endTest(ctx, tx, id, testEnd{State: state, Report: r})
}

// testEnd is how a test ends.
type testEnd struct {
	State  TestState
	Why    string // of a cancelled one
	Report provisioner.Report
}

func (db *DB) endTest(ctx context.Context, tx pgx.Tx, id uuid.UUID, end testEnd) error {
	b, err := json.Marshal(end.Report)
	if err != nil {
		return fmt.Errorf("report of test %s: %w", id, err)
	}
	var clusterID *uuid.UUID
	// A test that waits is locked here: nobody begins it meanwhile, and it has no cluster before which it must not be locked.
	err = tx.QueryRow(ctx, `SELECT FROM acceptance_tests WHERE id = $1 AND state = 'waiting' FOR UPDATE`, id).Scan()
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("finish test %s: %w", id, err)
	}
	if err := tx.QueryRow(ctx, `SELECT cluster_id FROM acceptance_tests WHERE id = $1`, id).Scan(&clusterID); err != nil {
		return store.Found(err, "acceptance test")
	}
	// Its cluster first: whoever ends a lease has it locked before the test.
	if clusterID != nil {
		if err := db.clusters.EndTestCluster(ctx, tx, *clusterID); err != nil {
			return err
		}
	}
	tag, err := tx.Exec(ctx, `
		UPDATE acceptance_tests SET state = $2, report = $3, ended_why = $4, place = NULL, waits_for = '', ended_at = now()
		WHERE id = $1 AND (state = 'running' OR state = 'waiting' AND $2 = 'cancelled')`, id, end.State, b, end.Why)
	if err != nil {
		return fmt.Errorf("finish test %s: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	if end.State == TestPassed {
		if err := claimCertificate(ctx, tx, id, end.Report); err != nil {
			return err
		}
	}
	return toldEnd(ctx, db.core, tx, id, end.State)
}

// EndWaitingTest ends a test that never began as cancelled, for a reason that is a sentence; one that does not wait any more stays as it is.
func EndWaitingTest(ctx context.Context, core *store.DB, tx pgx.Tx, id uuid.UUID, why string) error {
	tag, err := tx.Exec(ctx, `
		UPDATE acceptance_tests SET state = 'cancelled', ended_why = left($2, 1000), place = NULL, waits_for = '', ended_at = now() WHERE id = $1 AND state = 'waiting'`, id, why)
	if err != nil {
		return fmt.Errorf("end waiting test %s: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	return toldEnd(ctx, core, tx, id, TestCancelled)
}

// toldEnd tells of a test's end, and writes the audit.
func toldEnd(ctx context.Context, core *store.DB, tx pgx.Tx, id uuid.UUID, state TestState) error {
	var orgID, providerID uuid.UUID
	if err := tx.QueryRow(ctx, `SELECT organization_id, provider_id FROM acceptance_tests WHERE id = $1`, id).Scan(&orgID, &providerID); err != nil {
		return store.Found(err, "acceptance test")
	}
	if err := TellTestsEnded(ctx, core, tx, []uuid.UUID{id}); err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		Organization: orgID, Provider: providerID, Verb: "finish acceptance test", Subject: "acceptance_test", SubjectID: id,
		Detail: map[string]any{"state": state},
	})
}
