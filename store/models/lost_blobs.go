package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// BlobLoss is what is wrong with the canonical bytes of an image in the store. Only a store that answered is believed: one that is away has
// lost nothing.
type BlobLoss string

// The losses.
const (
	BlobWhole BlobLoss = ""      // nothing is wrong, as far as anybody looked
	BlobGone  BlobLoss = "gone"  // no bytes are there
	BlobSize  BlobLoss = "size"  // another number of bytes is there
	BlobOther BlobLoss = "bytes" // other bytes are there; only who reads them all finds it
)

// Words is what became of the bytes, after "its bytes".
func (l BlobLoss) Words() string {
	switch l {
	case BlobWhole:
		return "are in the store"
	case BlobGone:
		return "are gone from the store"
	case BlobSize:
		return "in the store are not as many as were kept"
	case BlobOther:
		return "in the store are not those that were kept"
	}
	return "are " + string(l)
}

// MarkBlob marks the images with a canonical digest, or takes their mark away, and counts those for which that is new. Who finds that bytes
// are lost holds the digest (HoldDigest).
func (db *DB) MarkBlob(ctx context.Context, digest string, loss BlobLoss) (int, error) {
	tag, err := db.pool.Exec(ctx, `
		UPDATE images SET lost = $2, lost_at = CASE WHEN $2 <> '' THEN coalesce(lost_at, now()) END WHERE canonical_digest = $1 AND lost <> $2`, digest, loss)
	if err != nil {
		return 0, fmt.Errorf("mark the images of %s: %w", digest, err)
	}
	return int(tag.RowsAffected()), nil
}

// LostDigests gives at most a thousand of those whose images are marked.
func (db *DB) LostDigests(ctx context.Context) ([]NamedDigest, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT digest, max(size) AS size, max(lost) AS lost FROM `+namedDigests+` AS n WHERE lost <> '' GROUP BY digest ORDER BY digest LIMIT 1000`)
	return store.All(rows, "lost digests", pgx.RowToStructByName[NamedDigest])
}

// NamedDigest finds what an image has of a canonical digest; not ok where none has it.
func (db *DB) NamedDigest(ctx context.Context, digest string) (n NamedDigest, ok bool, err error) {
	rows, _ := db.pool.Query(ctx, `SELECT digest, max(size) AS size, max(lost) AS lost FROM `+namedDigests+` AS n WHERE digest = $1 GROUP BY digest`, digest)
	n, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[NamedDigest])
	if errors.Is(err, pgx.ErrNoRows) {
		return n, false, nil
	}
	if err != nil {
		return n, false, fmt.Errorf("named digest %s: %w", digest, err)
	}
	return n, true, nil
}

// ImageOwner is whose an image is.
type ImageOwner struct {
	Organization string
	Image        string
}

// OwnersOfDigest names the images with a canonical digest, of all organizations, for who runs the platform.
func (db *DB) OwnersOfDigest(ctx context.Context, digest string) ([]ImageOwner, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT o.name AS organization, i.name AS image FROM images i JOIN organizations o ON o.id = i.organization_id
		WHERE i.canonical_digest = $1 ORDER BY o.name, i.name, i.id`, digest)
	return store.All(rows, "owners of a digest", pgx.RowToStructByName[ImageOwner])
}

// ImagesThere refuses ("image_lost") a version one of whose images has lost its bytes: no node could start from it.
func (v Version) ImagesThere() error {
	for _, g := range v.Groups {
		if g.Lost != BlobWhole {
			return &refusal.Error{
				Code:  "image_lost",
				Title: fmt.Sprintf("The bytes of the image \"%s\" %s: no node can start from it.", typed.Isolate(g.Image.Name), g.Lost.Words()),
				Next:  "Upload the same file again, and the image is whole again; or use a version with another image.",
			}
		}
	}
	return nil
}
