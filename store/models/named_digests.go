package models

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// namedDigests are the canonical digests whose bytes a row names, and since when. What keeps or removes bytes goes by it: a row of another
// kind that is to keep bytes has its place here, and nowhere else.
const namedDigests = `(SELECT canonical_digest AS digest, canonical_size AS size, lost FROM images)`

// NamedDigest is one of an image's canonical bytes, which were there before its row was.
type NamedDigest struct {
	Digest string
	Size   int64    // bytes
	Lost   BlobLoss // as its images are marked
}

// KeptBytes counts the images and the unfinished uploads whose bytes are in a store.
func (db *DB) KeptBytes(ctx context.Context) (images, uploads int, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT (SELECT count(*)::int FROM images), (SELECT count(*)::int FROM uploads WHERE state NOT IN ('done', 'refused'))`).Scan(&images, &uploads)
	if err != nil {
		return 0, 0, fmt.Errorf("count what is kept: %w", err)
	}
	return images, uploads, nil
}

// NamedMost is how many NamedDigests gives at most.
const NamedMost = 10_000

// NamedDigests gives those that come after one ("": all) and not after another ("": up to the end), in the order of their bytes.
func (db *DB) NamedDigests(ctx context.Context, after, upTo string) ([]NamedDigest, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT digest, max(size) AS size, max(lost) AS lost FROM `+namedDigests+` AS n
		WHERE digest COLLATE "C" > $1 AND ($2 = '' OR digest COLLATE "C" <= $2)
		GROUP BY digest ORDER BY digest COLLATE "C" LIMIT $3`, after, upTo, NamedMost)
	return store.All(rows, "named digests", pgx.RowToStructByName[NamedDigest])
}

// UnknownUploads gives those of the ids whose bytes are nobody's: no upload has them, or it was judged and needs them no more.
func (db *DB) UnknownUploads(ctx context.Context, ids []string) ([]string, error) {
	rows, _ := db.pool.Query(ctx, `SELECT d FROM unnest($1::text[]) AS d WHERE NOT EXISTS (SELECT FROM uploads WHERE id = d AND state NOT IN ('done', 'refused')) ORDER BY d`, ids)
	unknown, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read unknown uploads: %w", err)
	}
	return unknown, nil
}
