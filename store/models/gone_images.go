package models

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ImagesGoneSince tells whether an image was deleted after a time of the database.
func (db *DB) ImagesGoneSince(ctx context.Context, since time.Time) (gone bool, err error) {
	if err := db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gone_images WHERE gone_at > $1)`, since).Scan(&gone); err != nil {
		return false, fmt.Errorf("read gone images: %w", err)
	}
	return gone, nil
}

// ImageCopy is a canonical digest that no image has. What runs from it has an image always, so nothing does.
type ImageCopy struct {
	Digest string
	Gone   bool // there was an image with it, and it was deleted
}

// CopiesOfNoImage gives those of the canonical digests that no row names.
func (db *DB) CopiesOfNoImage(ctx context.Context, digests []string) ([]ImageCopy, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT d AS digest, EXISTS (SELECT FROM gone_images g WHERE g.canonical_digest = d) AS gone
		FROM unnest($1::text[]) AS d WHERE d <> '' AND NOT EXISTS (SELECT FROM `+namedDigests+` AS n WHERE n.digest = d) ORDER BY d`, digests)
	return store.All(rows, "copies of no image", pgx.RowToStructByName[ImageCopy])
}

// UploadKnown tells whether an upload is there, finished or not: its bytes are its own then.
func (db *DB) UploadKnown(ctx context.Context, id string) (known bool, err error) {
	if err := db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM uploads WHERE id = $1)`, id).Scan(&known); err != nil {
		return false, fmt.Errorf("read upload %s: %w", id, err)
	}
	return known, nil
}

// HoldDigest waits until nobody else holds a canonical digest, and holds it until release is called. Who writes the bytes
// holds it until an image's row names them; who removes them holds it from before asking for rows. Bytes and rows cannot
// change together, and a transaction does not span the store of bytes: the lock is a connection's.
func (db *DB) HoldDigest(ctx context.Context, digest string) (release func(), err error) {
	c, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("hold digest %s: %w", digest, err)
	}
	const key = `hashtextextended('volary image ' || $1, 0)`
	// Who holds it may be sending gigabytes: it is waited for as long as ctx lasts, and not as long as for a row.
	_, err = c.Exec(ctx, `SET lock_timeout = 0; SET statement_timeout = 0`)
	if err == nil {
		_, err = c.Exec(ctx, `SELECT pg_advisory_lock(`+key+`)`, digest)
	}
	if err == nil {
		_, err = c.Exec(ctx, `RESET lock_timeout; RESET statement_timeout`)
	}
	if err != nil {
		closeConnection(ctx, c.Hijack()) // it may hold the lock although the answer was lost
		return nil, fmt.Errorf("hold digest %s: %w", digest, err)
	}
	return func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if _, err := c.Exec(ending, `SELECT pg_advisory_unlock(`+key+`)`, digest); err != nil {
			closeConnection(ctx, c.Hijack())
			return
		}
		c.Release()
	}, nil
}

// closeConnection ends a connection, and with it its locks.
func closeConnection(ctx context.Context, c *pgx.Conn) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = c.Close(ending)
}
