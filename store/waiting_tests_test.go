package store_test

import (
	"testing"

	"github.com/google/uuid"

	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// Tests from before they could wait have begun when they were asked for; what was cancelled has not failed.
func TestOldTestsHaveBegun(t *testing.T) {
	past := before(t, "00073")
	ctx, exec := t.Context(), past.exec
	org, ada, model, version := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	provider, pool, cluster := uuid.New(), uuid.New(), uuid.New()
	exec(`INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Atlas', now())`, org)
	exec(`INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, 'ada@example.org', 'Ada', '', now())`, ada)
	exec(`INSERT INTO model_clusters (id, organization_id, name, created_at) VALUES ($1, $2, 'trial', now())`, model, org)
	exec(`INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, document, document_digest, created_at) VALUES ($1, $2, $3, '1', 'draft', '{}', encode(sha256('{}'), 'hex'), now())`,
		version, org, model)
	exec(`INSERT INTO providers (id, name, currency, accounting_zone, created_at) VALUES ($1, 'North', 'EUR', 'UTC', now())`, provider)
	exec(`INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, created_at) VALUES ($1, $2, 'lab', '10.0.0.0/16', '192.0.2.0/24', 'local', 'q35', now())`, pool, provider)
	exec(`INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, lease_seconds, created_at, document_digest)
		VALUES ($1, $2, $3, $4, $5, $6, 'test', 'first', 'running', 3600, now(), encode(sha256('{}'), 'hex'))`, cluster, org, provider, pool, version, ada)
	for _, old := range []struct{ state, report string }{
		{"running", `{}`},
		{"passed", `{"checks": [{"name": "boots", "state": "passed"}]}`},
		{"failed", `{"checks": null}`},
		{"failed", `{"checks": [{"name": "boots", "state": "passed"}, {"name": "test", "state": "failed", "detail": "It was cancelled by a member."}]}`},
		{"failed", `{"checks": [{"name": "test", "state": "failed", "detail": "cancelled before it was done"}]}`},
		{"failed", `{"checks": [{"name": "own: test", "state": "failed", "detail": "It was cancelled by a member."}]}`},
	} {
		exec(`INSERT INTO acceptance_tests (id, organization_id, provider_id, pool_id, version_id, cluster_id, person_id, nonce, document_digest, state, report, created_at, ended_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, '', encode(sha256('{}'), 'hex'), $8, $9, now(), CASE WHEN $8 = 'running' THEN NULL ELSE now() END)`,
			uuid.Must(uuid.NewV7()), org, provider, pool, version, cluster, ada, old.state, old.report)
	}
	db := past.migrate()
	tests, _, err := db.Models.AcceptanceTests(ctx, org, version, models.TestFilter{})
	storetest.NoError(t, err)
	want := []struct {
		state models.TestState
		why   string
	}{
		{models.TestFailed, ""},
		{models.TestCancelled, "It was cancelled before it was done."},
		{models.TestCancelled, "It was cancelled by a member."},
		{models.TestFailed, ""},
		{models.TestPassed, ""},
		{models.TestRunning, ""},
	}
	if len(tests) != len(want) {
		t.Fatalf("%d tests", len(tests))
	}
	for i, got := range tests { // the newest first
		if got.State != want[i].state || got.EndedWhy != want[i].why || got.BegunAt == nil || !got.BegunAt.Equal(got.CreatedAt) || got.ClusterID != cluster || got.Place != 0 {
			t.Errorf("%d: %+v", i, got)
		}
	}
}
