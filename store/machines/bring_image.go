package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// BringImage claims a base image of a host, for ttl, for who brings it there or makes sure that it is there: nobody removes it
// meanwhile. Any number of workers may bring it at once. false: it is being removed at this moment; ask again.
func (db *DB) BringImage(ctx context.Context, hostID uuid.UUID, digest string, bytes int64, ttl time.Duration) (mine bool, err error) {
	tag, err := db.pool.Exec(ctx, `
		INSERT INTO base_images AS b (host_id, digest, bytes, whole, used_at, brought_until)
		VALUES ($1, $2, $3, false, clock_timestamp(), clock_timestamp() + $4::interval)
		ON CONFLICT (host_id, digest) DO UPDATE SET used_at = excluded.used_at, brought_until = excluded.brought_until, going_until = NULL
		WHERE NOT coalesce(`+imageGoing+`, false)`, hostID, digest, bytes, ttl)
	if err != nil {
		return false, fmt.Errorf("bring image %s to host %s: %w", digest, hostID, err)
	}
	return tag.RowsAffected() > 0, nil
}

// ImageBrought gives the claim back: the image is on the host, whole, or it was not brought.
func (db *DB) ImageBrought(ctx context.Context, hostID uuid.UUID, digest string, whole bool) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE base_images SET whole = whole OR $3, used_at = clock_timestamp(), brought_until = NULL WHERE host_id = $1 AND digest = $2`,
		hostID, digest, whole)
	if err != nil {
		return fmt.Errorf("note image %s on host %s: %w", digest, hostID, err)
	}
	return nil
}
