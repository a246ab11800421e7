package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// TakeVerificationTurn gives a job of the verify queue its organization's turn: one upload of an organization is verified
// at a time, so that none fills the places of all. It tells whether the job has the turn now; asked again by the job that
// has it, it says yes. The turn of a job that does not run any more is free.
func (db *DB) TakeVerificationTurn(ctx context.Context, orgID uuid.UUID, jobID int64) (taken bool, err error) {
	return taken, db.core.Tx(ctx, func(tx pgx.Tx) error {
		// Zero row, lock, look: three statements, since one would look at what was true before it had the lock.
		if _, err := tx.Exec(ctx, `INSERT INTO verification_turns (organization_id, job_id) VALUES ($1, 0) ON CONFLICT DO NOTHING`, orgID); err != nil {
			return fmt.Errorf("take verification turn: %w", err)
		}
		var holder int64
		if err := tx.QueryRow(ctx, `SELECT job_id FROM verification_turns WHERE organization_id = $1 FOR UPDATE`, orgID).Scan(&holder); err != nil {
			return fmt.Errorf("take verification turn: %w", err)
		}
		err := tx.QueryRow(ctx, `SELECT $1::bigint = $2::bigint OR NOT EXISTS (SELECT FROM river_job WHERE id = $1::bigint AND state = 'running')`, holder, jobID).Scan(&taken)
		if err != nil {
			return fmt.Errorf("take verification turn: %w", err)
		}
		if !taken || holder == jobID {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE verification_turns SET job_id = $2 WHERE organization_id = $1`, orgID, jobID); err != nil {
			return fmt.Errorf("take verification turn: %w", err)
		}
		return nil
	})
}
