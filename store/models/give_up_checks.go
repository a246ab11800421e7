package models

import (
	"context"
	"fmt"
	"time"
)

// GiveUpChecks makes uploads unverified that were all here before a time and whose verification has ended without a verdict, since its
// worker died each time: nothing would ever be said of them. It counts them; RetryUnverified asks for them again.
func (db *DB) GiveUpChecks(ctx context.Context, before time.Time) (int64, error) {
	tag, err := db.pool.Exec(ctx, `
		UPDATE uploads u SET state = 'unverified', reason = 'Its check was cut off again and again on our side. Tell the operator.'
		WHERE u.state = 'checking' AND u.finished_at < $1 AND NOT EXISTS (
			SELECT FROM river_job j WHERE j.kind = 'verify_upload' AND (j.args ->> 'upload_id')::uuid = u.id::uuid
				AND j.state IN ('available', 'pending', 'retryable', 'running', 'scheduled'))`, before)
	if err != nil {
		return 0, fmt.Errorf("give up checks of uploads: %w", err)
	}
	return tag.RowsAffected(), nil
}
