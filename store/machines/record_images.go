package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// HostDisk is a host's disk as far as base images decide about it.
type HostDisk struct {
	Images   []BaseImage // there, by last use: the one that was unused for longest first
	Capacity int64       // bytes that may be given
	Promised int64       // bytes of it that nodes' disks may grow to
}

// Over is by how many bytes nodes' disks and all base images are more than may be given.
func (d HostDisk) Over() int64 {
	if d.Capacity == 0 {
		return 0 // not known yet
	}
	over := d.Promised - d.Capacity
	for _, i := range d.Images {
		over += i.Bytes
	}
	return over
}

// RecordImages writes down what a host answered when it was asked for its base images at a time of the database, and notes the
// use of those that a node stands on, or a check that runs. Of what is being brought, or was since the answer began, the answer
// says nothing: it is neither changed nor forgotten.
func (db *DB) RecordImages(ctx context.Context, hostID uuid.UUID, begun time.Time, seen provisioner.HostImages) (d HostDisk, err error) {
	digests := []string{} // not NULL: nothing is different from that
	var bytes []int64
	var whole []bool
	for _, i := range seen.List {
		digests, bytes, whole = append(digests, i.Digest), append(bytes, max(i.Bytes, 0)), append(whole, i.Whole)
	}
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE hosts SET images_at = $2, free_bytes = $3 WHERE id = $1`, hostID, begun, max(seen.Free, 0))
		if err != nil {
			return fmt.Errorf("record disk of host %s: %w", hostID, err)
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO base_images AS b (host_id, digest, bytes, whole, used_at)
			SELECT $1, x.digest, x.bytes, x.whole, clock_timestamp() FROM unnest($2::text[], $3::bigint[], $4::bool[]) AS x (digest, bytes, whole) ORDER BY x.digest
			ON CONFLICT (host_id, digest) DO UPDATE SET bytes = excluded.bytes, whole = excluded.whole
			WHERE NOT coalesce(`+imageComing+`, false) AND b.used_at < $5 AND (b.bytes, b.whole) IS DISTINCT FROM (excluded.bytes, excluded.whole)`,
			hostID, digests, bytes, whole, begun)
		if err != nil {
			return fmt.Errorf("record images of host %s: %w", hostID, err)
		}
		_, err = tx.Exec(ctx, `
			DELETE FROM base_images b WHERE b.host_id = $1 AND NOT b.digest = ANY ($2) AND NOT coalesce(`+imageComing+`, false) AND b.used_at < $3`,
			hostID, digests, begun)
		if err != nil {
			return fmt.Errorf("forget images of host %s: %w", hostID, err)
		}
		d, err = readHostDisk(ctx, tx, hostID)
		return err
	})
	return d, err
}

// readHostDisk notes the use of images, and then reads them.
func readHostDisk(ctx context.Context, tx pgx.Tx, hostID uuid.UUID) (d HostDisk, err error) {
	_, err = tx.Exec(ctx, `
		UPDATE base_images b SET used_at = clock_timestamp() WHERE b.host_id = $1 AND (
			EXISTS (SELECT FROM nodes n WHERE n.host_id = $1 AND n.state <> 'gone' AND n.image_digest = b.digest)
			OR EXISTS (SELECT FROM nodes n WHERE n.left_host_id = $1 AND n.left_cleared_at IS NULL AND n.image_digest = b.digest)
			OR `+checksRun+` AND NOT EXISTS (SELECT FROM images i WHERE i.canonical_digest = b.digest))`, hostID)
	if err != nil {
		return d, fmt.Errorf("note use of images of host %s: %w", hostID, err)
	}
	err = tx.QueryRow(ctx, `
		SELECT h.disk_gib::bigint << 30, u.disk_gib::bigint << 30 FROM hosts h CROSS JOIN LATERAL (`+usedOfHost+`) AS u WHERE h.id = $1`,
		hostID).Scan(&d.Capacity, &d.Promised)
	if err != nil {
		return d, store.Found(err, "host")
	}
	rows, _ := tx.Query(ctx, selectBaseImages+` WHERE h.id = $1 ORDER BY i.used_at NULLS LAST, i.digest`, hostID, ImagesKept)
	d.Images, err = store.All(rows, "base images of a host", pgx.RowToStructByName[BaseImage])
	return d, err
}
