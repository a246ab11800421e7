package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// BringImage claims a base image of a host, for ttl, for who brings it there or makes sure that it is there: nobody removes it
// meanwhile. Any number of workers may bring it at once, each by an id of its own that it also renews by. false: it is being removed at this
// moment; ask again.
func (db *DB) BringImage(ctx context.Context, hostID uuid.UUID, digest string, bytes int64, by uuid.UUID, ttl time.Duration) (mine bool, err error) {
	tag, err := db.pool.Exec(ctx, `
		INSERT INTO base_images AS b (host_id, digest, bytes, whole, used_at, brought_until, brought_by)
		VALUES ($1, $2, $3, false, clock_timestamp(), clock_timestamp() + $4::interval, $5)
		ON CONFLICT (host_id, digest) DO UPDATE SET used_at = excluded.used_at, brought_until = excluded.brought_until, going_until = NULL,
			brought_by = CASE WHEN NOT coalesce(`+imageComing+`, false) OR b.brought_by = excluded.brought_by THEN excluded.brought_by END
		WHERE NOT coalesce(`+imageGoing+`, false)`, hostID, digest, bytes, ttl, by)
	if err != nil {
		return false, fmt.Errorf("bring image %s to host %s: %w", digest, hostID, err)
	}
	return tag.RowsAffected() > 0, nil
}

// ImageBrought gives the claim back: the image is on the host, whole, or it was not brought. The claim of several lapses after the last one's
// renewal: others may be at it still.
func (db *DB) ImageBrought(ctx context.Context, hostID uuid.UUID, digest string, by uuid.UUID, whole bool) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE base_images SET whole = whole OR $3, used_at = clock_timestamp(),
			brought_until = CASE WHEN brought_by = $4 THEN NULL ELSE brought_until END
		WHERE host_id = $1 AND digest = $2`, hostID, digest, whole, by)
	if err != nil {
		return fmt.Errorf("note image %s on host %s: %w", digest, hostID, err)
	}
	return nil
}
