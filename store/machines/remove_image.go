package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// RemoveImage claims a base image of a host, for ttl, for who removes it there, and nobody brings it meanwhile. false: a node
// stands on it or will, it is being brought or removed, a check may need it, or somebody has used it since it was seen used at
// usedAt.
//
// A launch that is committed while this decides is not seen here. Its worker asks for the image by BringImage before it makes
// anything: either that was before, and used_at is another one, or it waits for the removal and brings the image anew.
func (db *DB) RemoveImage(ctx context.Context, hostID uuid.UUID, digest string, usedAt time.Time, ttl time.Duration) (mine bool, err error) {
	tag, err := db.pool.Exec(ctx, `
		UPDATE base_images b SET going_until = clock_timestamp() + $4::interval, brought_until = NULL
		WHERE b.host_id = $1 AND b.digest = $2 AND b.used_at = $3
			AND NOT coalesce(`+imageComing+`, false) AND NOT coalesce(`+imageGoing+`, false)
			AND NOT EXISTS (SELECT FROM nodes n WHERE n.host_id = $1 AND n.state <> 'gone' AND n.image_digest = $2)
			AND NOT EXISTS (SELECT FROM nodes n WHERE n.left_host_id = $1 AND n.left_cleared_at IS NULL AND n.image_digest = $2)
			AND (NOT `+checksRun+` OR EXISTS (SELECT FROM images i WHERE i.canonical_digest = $2))`, hostID, digest, usedAt, ttl)
	if err != nil {
		return false, fmt.Errorf("remove image %s of host %s: %w", digest, hostID, err)
	}
	return tag.RowsAffected() > 0, nil
}

// checksRun tells whether a check runs in the pool of b's host: its guests stand on an image that no row of images has, here
// and on the pool's other hosts.
const checksRun = `
	EXISTS (SELECT FROM hosts h JOIN hosts o ON o.pool_id = h.pool_id WHERE h.id = b.host_id AND o.check_state = 'running' AND o.removed_at IS NULL)`

// ImageRemoved notes that a base image that was claimed by RemoveImage is gone from its host.
func (db *DB) ImageRemoved(ctx context.Context, hostID uuid.UUID, digest string) error {
	if _, err := db.pool.Exec(ctx, `DELETE FROM base_images WHERE host_id = $1 AND digest = $2 AND going_until IS NOT NULL`, hostID, digest); err != nil {
		return fmt.Errorf("note that image %s is gone from host %s: %w", digest, hostID, err)
	}
	return nil
}

// ImageStays gives a claim of RemoveImage back. Where the host said that a disk stands on the image, it is used, and is not the
// first to be tried the next time.
func (db *DB) ImageStays(ctx context.Context, hostID uuid.UUID, digest string, used bool) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE base_images SET going_until = NULL, used_at = CASE WHEN $3 THEN clock_timestamp() ELSE used_at END
		WHERE host_id = $1 AND digest = $2 AND going_until IS NOT NULL`, hostID, digest, used)
	if err != nil {
		return fmt.Errorf("keep image %s on host %s: %w", digest, hostID, err)
	}
	return nil
}
