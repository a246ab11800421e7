package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// TakeFetchTurn gives a job of the fetch queue its organization's turn: one upload of an organization is fetched at a time, so that none
// fills the places of all, and of several the one that waits longest; the time in which it waited is none of its fetching. The turn of a job
// that does not run any more is free. Whoever takes one goes behind all others with what else waits: each other organization has a turn in between.
func (db *DB) TakeFetchTurn(ctx context.Context, orgID uuid.UUID, uploadID string, jobID int64) (taken bool, err error) {
	return taken, db.core.Tx(ctx, func(tx pgx.Tx) error {
		// No lock of a row: the worker may lock no organization. Looked at in a statement after it, which sees who had it before.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('volary fetches ' || $1::text, 0))`, orgID.String()); err != nil {
			return fmt.Errorf("take fetch turn: %w", err)
		}
		if err := tx.QueryRow(ctx, `
			SELECT NOT EXISTS (SELECT FROM upload_sources s JOIN uploads u ON u.id = s.upload_id JOIN river_job j ON j.id = s.job_id
				WHERE u.organization_id = $1 AND s.upload_id <> $2 AND u.state = 'arriving' AND j.state = 'running' AND s.state = 'fetching')
			AND NOT EXISTS (SELECT FROM upload_sources s JOIN uploads u ON u.id = s.upload_id
				WHERE u.organization_id = $1 AND s.upload_id <> $2 AND u.state = 'arriving' AND s.state = 'waiting' AND `+liveFetch+`
					AND s.waits_since < coalesce((SELECT waits_since FROM upload_sources WHERE upload_id = $2), now()))`, orgID, uploadID).Scan(&taken); err != nil || !taken {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE upload_sources SET job_id = $2, state = 'fetching', started_at = coalesce(started_at + coalesce(clock_timestamp() - waits_since, interval '0'), now()), waits_since = NULL
			WHERE upload_id = $1 AND state IN ('waiting', 'fetching')`, uploadID, jobID); err != nil {
			return fmt.Errorf("take fetch turn: %w", err)
		}
		// Places are taken in the order of jobs: an organization with many that wait stands behind the others once with all of them.
		if _, err := tx.Exec(ctx, `
			UPDATE river_job j SET scheduled_at = clock_timestamp() FROM upload_sources s JOIN uploads u ON u.id = s.upload_id
			WHERE j.kind = 'fetch_upload' AND j.state = 'available' AND (j.args ->> 'upload_id')::uuid = s.upload_id::uuid
				AND u.organization_id = $1 AND s.upload_id <> $2 AND s.state = 'waiting'`, orgID, uploadID); err != nil {
			return fmt.Errorf("let others go before uploads of %s: %w", orgID, err)
		}
		return nil
	})
}
