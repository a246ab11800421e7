package models

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// Quota is what an organization may keep, and what it does, in bytes.
type Quota struct {
	Allowed  int64
	Own      bool  // Allowed is the organization's own, and not the platform's
	Stored   int64 // of images; those of one canonical digest count once, and none whose bytes are lost or that others store (stores)
	Arriving int64 // of unfinished uploads, all that was announced
	Checking int64 // of uploads that wait for their check, or stay unverified
}

// Used is what is kept or set aside.
func (q Quota) Used() int64 { return q.Stored + q.Arriving + q.Checking }

// Over tells whether more is used than is allowed: a quota may be lowered, and an image be larger than its upload.
func (q Quota) Over() bool { return q.Used() > q.Allowed }

// Quota gives that of an organization.
func (db *DB) Quota(ctx context.Context, orgID uuid.UUID) (Quota, error) {
	return db.readQuota(ctx, db.pool, orgID)
}

// stores is the condition that an image i counts in its organization's quota: it came of an upload of its own, or it is a clone of bytes that nobody
// stores any more but those who cloned them.
const stores = `(NOT i.cloned OR NOT EXISTS (SELECT FROM images k WHERE k.canonical_digest = i.canonical_digest AND NOT k.cloned))`

// readQuota is one statement: between two of them a verdict would be counted twice or never.
func (db *DB) readQuota(ctx context.Context, q store.Queryer, orgID uuid.UUID) (Quota, error) {
	rows, _ := q.Query(ctx, `
		SELECT coalesce(o.quota, $2) AS allowed, o.quota IS NOT NULL AS own, s.stored, u.arriving, u.checking
		FROM organizations o,
			LATERAL (SELECT coalesce(sum(size), 0)::bigint AS stored
				FROM (SELECT max(canonical_size) AS size FROM images i WHERE organization_id = o.id AND lost = '' AND `+stores+` GROUP BY canonical_digest) AS once) AS s,
			LATERAL (SELECT coalesce(sum(size) FILTER (WHERE state = 'arriving'), 0)::bigint AS arriving,
					coalesce(sum(size) FILTER (WHERE state <> 'arriving'), 0)::bigint AS checking
				FROM uploads WHERE organization_id = o.id AND state IN ('arriving', 'checking', 'unverified')) AS u
		WHERE o.id = $1`, orgID, db.core.Quota())
	return store.One(rows, "organization", pgx.RowToStructByName[Quota])
}

// reserve refuses ("quota") bytes that an organization has no room for, and keeps others from judging until tx ends: what the caller
// writes in tx, an upload of that size or a larger size of one, is the reservation. name is of what asks.
//
// Its lock comes after that of the organization's row and before that of announcements. It is none of a row, since the worker
// may lock no organization.
//
// What brings back bytes that are lost has the room that they had.
func (db *DB) reserve(ctx context.Context, tx pgx.Tx, back bringsBack, name string, bytes int64) error {
	orgID := back.Organization
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('volary quota ' || $1::text, 0))`, orgID.String()); err != nil {
		return fmt.Errorf("wait for the quota of %s: %w", orgID, err)
	}
	// Read after the lock, in a statement of its own: who held it before is seen.
	q, err := db.readQuota(ctx, tx, orgID)
	if err != nil || bytes <= q.Allowed-q.Used() && (bytes > 0 || q.Used() < q.Allowed) {
		return err
	}
	if yes, err := back.ask(ctx, tx); yes || err != nil {
		return err
	}
	unused, err := unusedImages(ctx, tx, orgID)
	if err != nil {
		return err
	}
	var published bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM model_versions WHERE organization_id = $1 AND state = 'published')`, orgID).Scan(&published); err != nil {
		return fmt.Errorf("look for published versions of %s: %w", orgID, err)
	}
	return q.refusal(name, bytes, unused, published)
}

// bringsBack is an upload that may be of a file whose images have lost their bytes.
type bringsBack struct {
	Organization uuid.UUID
	Digest       string // as it was announced
	Size         int64  // bytes, of the whole file, as far as they are known
	Upload       string // its id, once it has a row
}

// ask tells whether it is, and the first of that digest under way: a file is brought back once. One that has no row yet comes after all that
// have: the time of a transaction is that of its begin, and says nothing of who had the quota's lock first. Who announces a digest and sends another file is
// refused by its check, and has had no more room until then than the file that is lost had.
func (b bringsBack) ask(ctx context.Context, tx pgx.Tx) (yes bool, err error) {
	if b.Digest == "" {
		return false, nil
	}
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM uploads u JOIN images i ON i.upload_id = u.id
				WHERE u.organization_id = $1 AND u.digest = $2 AND u.state = 'done' AND u.size >= $3 AND i.lost <> '')
			AND NOT EXISTS (SELECT FROM uploads u WHERE u.organization_id = $1 AND u.expected_digest = $2 AND u.id <> $4 AND u.state IN ('arriving', 'checking', 'unverified')
				AND ($4 = '' OR (u.created_at, u.id) < (SELECT created_at, id FROM uploads WHERE id = $4)))`,
		b.Organization, b.Digest, b.Size, b.Upload).Scan(&yes)
	if err != nil {
		return false, fmt.Errorf("look for lost bytes of %s: %w", b.Digest, err)
	}
	return yes, nil
}

// RaiseUpload sets the size of an unfinished upload that turns out to be larger than was said, and reserves what is more (bytes); a smaller
// one gives back the rest. Refusals: "quota", where all stays as it was, and NotFound("upload") for one that arrives no more.
func (db *DB) RaiseUpload(ctx context.Context, id string, size int64) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `SELECT organization_id, coalesce(nullif(name, ''), filename) AS name, size, expected_digest FROM uploads WHERE id = $1 AND state = 'arriving' FOR NO KEY UPDATE`, id)
		u, err := store.One(rows, "upload", pgx.RowToStructByName[struct {
			OrganizationID uuid.UUID
			Name           string
			Size           int64
			ExpectedDigest string
		}])
		if err != nil {
			return err
		}
		if size > u.Size {
			back := bringsBack{Organization: u.OrganizationID, Digest: u.ExpectedDigest, Size: size, Upload: id}
			if err := db.reserve(ctx, tx, back, u.Name, size-u.Size); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE uploads SET size = $2 WHERE id = $1`, id, size); err != nil {
			return fmt.Errorf("raise upload %s to %d bytes: %w", id, size, err)
		}
		return nil
	})
}

// unusedNamed is how many images a refusal names that may be deleted.
const unusedNamed = 3

type unusedImage struct {
	Name string
	Size int64
}

// unusedImages are the largest whose deletion makes room: no version has them, or another image with their bytes.
func unusedImages(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) ([]unusedImage, error) {
	rows, _ := tx.Query(ctx, `
		SELECT min(i.name) AS name, max(i.canonical_size) AS size FROM images i WHERE i.organization_id = $1 AND i.lost = '' AND `+stores+`
		GROUP BY i.canonical_digest HAVING NOT bool_or(EXISTS (SELECT FROM version_roles r WHERE r.image_id = i.id))
		ORDER BY size DESC, name LIMIT $2`, orgID, unusedNamed)
	return store.All(rows, "unused images", pgx.RowToStructByName[unusedImage])
}

// refusal names the ways to room. published: there is a version that holds images until it is withdrawn.
func (q Quota) refusal(name string, bytes int64, unused []unusedImage, published bool) *refusal.Error {
	r := &refusal.Error{
		Code: "quota", Title: fmt.Sprintf("Your organization uses %s of the %s that it may keep, and %s needs %s.",
			refusal.Bytes(q.Used()), refusal.Bytes(q.Allowed), typed.Isolate(name), refusal.Bytes(bytes)),
	}
	if bytes == 0 { // of an address: how large its file is, nobody knows yet
		r.Title = fmt.Sprintf("Your organization uses %s of the %s that it may keep: there is no room for %s, however small it is.",
			refusal.Bytes(q.Used()), refusal.Bytes(q.Allowed), typed.Isolate(name))
	}
	const ask = "ask the operator for a larger quota"
	if bytes > q.Allowed {
		r.Next = "No deletion makes room for it. Compress it (qemu-img convert -c -O qcow2 FILE disk.qcow2), or " + ask + "."
		return r
	}
	var ways []string
	if len(unused) > 0 {
		var names []string
		for _, i := range unused {
			names = append(names, typed.Isolate(i.Name)+", "+refusal.Bytes(i.Size))
		}
		ways = append(ways, "delete images that nothing uses ("+strings.Join(names, "; ")+")")
	}
	if published {
		ways = append(ways, "withdraw versions that are needed no more and delete their images")
	}
	if q.Arriving > 0 {
		ways = append(ways, "finish or discard unfinished uploads ("+refusal.Bytes(q.Arriving)+")")
	}
	text := ask
	if len(ways) > 0 {
		text = strings.Join(ways, ", ") + ", or " + ask
	}
	r.Next = strings.ToUpper(text[:1]) + text[1:] + "."
	return r
}
