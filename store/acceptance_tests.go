package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// TestState is where an acceptance test stands.
type TestState string

// The states of an acceptance test.
const (
	TestRunning TestState = "running"
	TestPassed  TestState = "passed"
	TestFailed  TestState = "failed"
)

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
	ClusterID        uuid.UUID
	PersonName       string
	Nonce            string
	State            TestState
	Report           provisioner.Report
	CreatedAt        time.Time
	EndedAt          *time.Time
}

// AcceptanceTests lists the tests of a version, the newest first.
func (db *DB) AcceptanceTests(ctx context.Context, orgID, versionID uuid.UUID) ([]AcceptanceTest, error) {
	return nil, errUnwritten
}

// AcceptanceTest shows one test.
func (db *DB) AcceptanceTest(ctx context.Context, orgID, id uuid.UUID) (AcceptanceTest, error) {
	return AcceptanceTest{}, errUnwritten
}

// TestForWorker is AcceptanceTest without a scope.
func (db *DB) TestForWorker(ctx context.Context, id uuid.UUID) (AcceptanceTest, error) {
	return AcceptanceTest{}, errUnwritten
}

// RecordTestProgress keeps the report of a running test as far as it has come.
func (db *DB) RecordTestProgress(ctx context.Context, id uuid.UUID, r provisioner.Report) error {
	return errUnwritten
}

// FinishAcceptanceTest ends a test and asks for its cluster to be deleted. A test that has ended stays as it is.
func (db *DB) FinishAcceptanceTest(ctx context.Context, id uuid.UUID, passed bool, r provisioner.Report) error {
	return errUnwritten
}
