package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// EndVerificationTurn gives a turn back and has the organization's next upload taken up now. A turn that the job does not
// have stays as it is.
func (db *DB) EndVerificationTurn(ctx context.Context, orgID uuid.UUID, jobID int64) error {
	tag, err := db.pool.Exec(ctx, `UPDATE verification_turns SET job_id = 0 WHERE organization_id = $1 AND job_id = $2`, orgID, jobID)
	if err != nil {
		return fmt.Errorf("end verification turn: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	_, err = db.pool.Exec(ctx, `
		UPDATE river_job SET state = 'available', scheduled_at = now() WHERE id = (
			SELECT j.id FROM river_job j JOIN uploads u ON u.id = replace(j.args ->> 'upload_id', '-', '')
			 WHERE j.kind = 'verify_upload' AND j.state IN ('available', 'scheduled') AND j.scheduled_at > now() AND u.organization_id = $1
			 ORDER BY j.id LIMIT 1 FOR UPDATE OF j SKIP LOCKED)`, orgID)
	if err != nil {
		return fmt.Errorf("take up the next verification: %w", err)
	}
	return nil
}
