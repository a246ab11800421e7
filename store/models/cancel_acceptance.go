package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// CancelAcceptanceTest ends a running test of an organization as failed, with what was found so far and who ended it, and has its cluster
// deleted. Refusals: "state" (it has ended), NotFound.
func (db *DB) CancelAcceptanceTest(ctx context.Context, orgID, by, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var state TestState
		var providerID uuid.UUID
		var r provisioner.Report
		err := tx.QueryRow(ctx, `
			SELECT t.state, t.provider_id, t.report
			FROM acceptance_tests t WHERE t.organization_id = $1 AND t.id = $2`, orgID, id).Scan(&state, &providerID, &r)
		if err != nil {
			return store.Found(err, "acceptance test")
		}
		if state != TestRunning {
			return &refusal.Error{Code: "state", Title: fmt.Sprintf("This test cannot be cancelled: it has %s.", state), Next: "Its report stays as it is."}
		}
		r.Checks = append(r.Checks, provisioner.ReportCheck{
			Name: "test", Title: "The test is followed to its end", Result: provisioner.ResultFailed, Channel: provisioner.ChannelHost, Evidence: "It was cancelled by a member.",
		})
		if err := store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Provider: providerID, Verb: "cancel acceptance test", Subject: "acceptance_test", SubjectID: id,
		}); err != nil {
			return err
		}
		return db.FinishTest(ctx, tx, id, TestFailed, r)
	})
}
