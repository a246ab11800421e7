package models

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// CancelAcceptanceTest ends a test of an organization that waits or runs as cancelled, with what was found so far and who ended it, and has its
// cluster deleted. Refusals: "state" (it has ended), NotFound.
func (db *DB) CancelAcceptanceTest(ctx context.Context, orgID, by, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var state TestState
		var providerID uuid.UUID
		err := tx.QueryRow(ctx, `SELECT state, provider_id FROM acceptance_tests WHERE organization_id = $1 AND id = $2`, orgID, id).Scan(&state, &providerID)
		if err != nil {
			return store.Found(err, "acceptance test")
		}
		if !state.Open() {
			return &refusal.Error{Code: "state", Title: "This test cannot be cancelled: " + state.was() + ".", Next: "Its report stays as it is."}
		}
		if err := store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Provider: providerID, Verb: "cancel acceptance test", Subject: "acceptance_test", SubjectID: id,
		}); err != nil {
			return err
		}
		return db.CancelTest(ctx, tx, id, "It was cancelled by a member.")
	})
}

// was says how a test ended: "it has passed".
func (s TestState) was() string {
	if s == TestCancelled {
		return "it was cancelled already"
	}
	return "it has " + string(s)
}
