package models

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner"
	"volary.dev/store"
)

// Image is one immutable disk of an organization. Sizes are bytes, digests lower-case hex SHA-256; what is not known
// yet is empty.
type Image struct {
	ID              uuid.UUID
	OrganizationID  uuid.UUID
	Person          string
	UploadID        string
	Name            string
	Size            int64 // as uploaded
	State           provisioner.ImageState
	Reason          string
	Checks          []provisioner.ImageCheck
	Format          string
	VirtualSize     int64
	CanonicalSize   int64
	UploadedDigest  string
	CanonicalDigest string
	ContentDigest   string
	CreatedAt       time.Time
	VerifiedAt      *time.Time
	Used            bool // by a version; what runs, runs from one
}

const imageColumns = `i.id, i.organization_id, p.name AS person, coalesce(i.upload_id, '') AS upload_id, i.name, i.size, i.state, i.reason,
	i.checks, i.format, i.virtual_size, i.canonical_size, i.uploaded_digest, i.canonical_digest, i.content_digest, i.created_at, i.verified_at,
	EXISTS (SELECT FROM version_roles r WHERE r.image_id = i.id) AS used
	FROM images i JOIN people p ON p.id = i.person_id`

// Images lists the organization's images, the newest first.
func (db *DB) Images(ctx context.Context, orgID uuid.UUID, page store.Page) ([]Image, error) {
	rows, _ := db.pool.Query(ctx, `SELECT `+imageColumns+`
		WHERE i.organization_id = $1 ORDER BY i.created_at DESC, i.id DESC LIMIT $2 OFFSET $3`, orgID, page.Most(), page.Skip())
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Image])
	if err != nil {
		return nil, fmt.Errorf("read images of %s: %w", orgID, err)
	}
	return list, nil
}

// Image finds an image of the organization, and refuses with "not_found" where there is none.
func (db *DB) Image(ctx context.Context, orgID, id uuid.UUID) (Image, error) {
	return readImage(ctx, db.pool, orgID, id)
}

func readImage(ctx context.Context, q store.Queryer, orgID, id uuid.UUID) (Image, error) {
	rows, _ := q.Query(ctx, `SELECT `+imageColumns+` WHERE i.organization_id = $1 AND i.id = $2`, orgID, id)
	return store.One(rows, "image", pgx.RowToStructByName[Image])
}

// ImageForWorker finds an image of any organization; only jobs may ask.
func (db *DB) ImageForWorker(ctx context.Context, id uuid.UUID) (Image, error) {
	rows, _ := db.pool.Query(ctx, `SELECT `+imageColumns+` WHERE i.id = $1`, id)
	return store.One(rows, "image", pgx.RowToStructByName[Image])
}

// ImageVersion is a version of a model cluster that boots from an image.
type ImageVersion struct {
	ID        uuid.UUID
	ModelName string
	Version   string
	State     string // draft, published
	CreatedAt time.Time
}

// ImageVersionFilter narrows and orders the versions that use an image. Sorting keys: model, state, created.
type ImageVersionFilter struct {
	Search string // part of the model cluster's name
	store.Sorting
	store.Page
}

var imageVersionColumns = store.Sortable{"model": "m.name", "state": "v.state", "created": "v.created_at"}

// VersionsOfImage gives a page of the organization's versions that use an image, by name unless asked otherwise, and how
// many the filter leaves.
func (db *DB) VersionsOfImage(ctx context.Context, orgID, id uuid.UUID, f ImageVersionFilter) (list []ImageVersion, total int, err error) {
	const from = ` FROM model_versions v JOIN model_clusters m ON m.id = v.model_cluster_id
		WHERE v.organization_id = $1 AND EXISTS (SELECT FROM version_roles r WHERE r.version_id = v.id AND r.image_id = $2) AND m.name ILIKE $3`
	args := []any{orgID, id, store.Like(f.Search)}
	b := &pgx.Batch{}
	b.Queue(`SELECT count(*)`+from, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&total) })
	store.QueueAll(b, &list, pgx.RowToStructByName[ImageVersion], `SELECT v.id, m.name AS model_name, v.version, v.state, v.created_at`+from+
		imageVersionColumns.OrderBy(f.Sorting, "m.name, v.created_at DESC, v.id")+` LIMIT $4 OFFSET $5`, append(args, f.Most(), f.Skip())...)
	if err := db.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, 0, fmt.Errorf("versions of image %s: %w", id, err)
	}
	return list, total, nil
}

// RecordImageWaits shows what an image that is to be checked waits for. Once it is checked, that goes.
func (db *DB) RecordImageWaits(ctx context.Context, id uuid.UUID, why string) error {
	// Named as changed, checks tell pages that are open.
	if _, err := db.pool.Exec(ctx, `UPDATE images SET reason = $2, checks = checks WHERE id = $1 AND state = 'checking' AND reason <> $2`, id, why); err != nil {
		return fmt.Errorf("image %s waits: %w", id, err)
	}
	return nil
}

// RecordImageChecks shows what is known so far of an image that is still being checked.
func (db *DB) RecordImageChecks(ctx context.Context, id uuid.UUID, checks []provisioner.ImageCheck) error {
	text, err := checksJSON(checks)
	if err != nil {
		return err
	}
	if _, err := db.pool.Exec(ctx, `
		UPDATE images SET checks = $2, reason = CASE state WHEN 'checking' THEN '' ELSE reason END
		WHERE id = $1 AND state IN ('checking', 'unverified')`, id, text); err != nil {
		return fmt.Errorf("record checks of image %s: %w", id, err)
	}
	return nil
}

// RecordVerdict ends the check of an image. A verdict of ready or refused is final: a second one changes nothing.
func (db *DB) RecordVerdict(ctx context.Context, id uuid.UUID, v provisioner.ImageVerdict) error {
	checks, err := checksJSON(v.Checks)
	if err != nil {
		return err
	}
	_, err = db.pool.Exec(ctx, `
		UPDATE images SET state = $2, reason = $3, checks = $4, format = $5, virtual_size = $6, canonical_size = $7,
			uploaded_digest = $8, canonical_digest = $9, content_digest = $10,
			verified_at = CASE WHEN $2 IN ('ready', 'refused') THEN now() END
		WHERE id = $1 AND state IN ('checking', 'unverified')`,
		id, v.State, v.Reason, checks, v.Format, v.VirtualSize, v.CanonicalSize, v.UploadedDigest, v.CanonicalDigest, v.ContentDigest)
	if err != nil {
		return fmt.Errorf("record verdict on image %s: %w", id, err)
	}
	return nil
}

func checksJSON(checks []provisioner.ImageCheck) ([]byte, error) {
	if checks == nil {
		checks = []provisioner.ImageCheck{}
	}
	text, err := json.Marshal(checks)
	if err != nil {
		return nil, fmt.Errorf("write checks: %w", err)
	}
	return text, nil
}
