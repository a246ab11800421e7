package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// Image is one immutable disk of an organization, made by the verification of an upload. Sizes are bytes, digests lower-case hex
// SHA-256.
type Image struct {
	ID                uuid.UUID
	OrganizationID    uuid.UUID
	Person            string // who sent the last byte of its upload
	UploadID          string // empty: no upload is known any more
	Member            string // which of the upload's disks it is; empty: the upload is the disk
	Name              string
	Format            string // of its upload; empty where none is known
	VirtualSize       int64
	CanonicalSize     int64
	CanonicalDigest   string
	GuestDigest       string // of what a guest reads (provisioner/image); empty: from before there was one
	ProposedVCPUs     int    // by the OVA that it came in; 0: nobody said
	ProposedMemoryMiB int64
	Firmware          provisioner.Firmware
	CreatedAt         time.Time
	Used              bool // by a version; what runs, runs from one
	Lost              BlobLoss
	LostAt            *time.Time // since when that is known; nil: nothing is lost
}

const imageColumns = `i.id, i.organization_id, p.name AS person, coalesce(i.upload_id, '') AS upload_id, i.member, i.name,
	coalesce(u.format, '') AS format, i.virtual_size, i.canonical_size, i.canonical_digest, i.guest_digest, i.firmware, i.proposed_vcpus, i.proposed_memory_mib, i.created_at,
	EXISTS (SELECT FROM version_roles r WHERE r.image_id = i.id) AS used, i.lost, i.lost_at
	FROM images i JOIN people p ON p.id = i.person_id LEFT JOIN uploads u ON u.id = i.upload_id`

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

// SameContent lists the organization's other images of which a guest reads the same, the newest first, and at most a few.
func (db *DB) SameContent(ctx context.Context, i Image) ([]Image, error) {
	if i.GuestDigest == "" {
		return nil, nil
	}
	rows, _ := db.pool.Query(ctx, `SELECT `+imageColumns+`
		WHERE i.organization_id = $1 AND i.guest_digest = $2 AND i.guest_digest <> '' AND i.id <> $3 ORDER BY i.id DESC LIMIT 5`, i.OrganizationID, i.GuestDigest, i.ID)
	return store.All(rows, "images of the same content", pgx.RowToStructByName[Image])
}

// ImagesOfUpload lists what came of an upload of the organization, in the order in which it holds them.
func (db *DB) ImagesOfUpload(ctx context.Context, orgID uuid.UUID, uploadID string) ([]Image, error) {
	rows, _ := db.pool.Query(ctx, `SELECT `+imageColumns+` WHERE i.organization_id = $1 AND i.upload_id = $2 ORDER BY i.id`, orgID, uploadID)
	return store.All(rows, "images of an upload", pgx.RowToStructByName[Image])
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
	Search string       // part of the model cluster's name
	State  VersionState // empty: all
	store.Sorting
	store.Page
}

var imageVersionColumns = store.Sortable{"model": "m.name", "state": "v.state", "created": "v.created_at"}

// VersionsOfImage gives a page of the organization's versions that use an image, by name unless asked otherwise, and how
// many the filter leaves.
func (db *DB) VersionsOfImage(ctx context.Context, orgID, id uuid.UUID, f ImageVersionFilter) (list []ImageVersion, total int, err error) {
	const from = ` FROM model_versions v JOIN model_clusters m ON m.id = v.model_cluster_id
		WHERE v.organization_id = $1 AND EXISTS (SELECT FROM version_roles r WHERE r.version_id = v.id AND r.image_id = $2) AND m.name ILIKE $3 AND ($4 = '' OR v.state = $4)`
	args := []any{orgID, id, store.Like(f.Search), f.State}
	b := &pgx.Batch{}
	b.Queue(`SELECT count(*)`+from, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&total) })
	store.QueueAll(b, &list, pgx.RowToStructByName[ImageVersion], `SELECT v.id, m.name AS model_name, v.version, v.state, v.created_at`+from+
		imageVersionColumns.OrderBy(f.Sorting, "m.name, v.created_at DESC, v.id")+` LIMIT $5 OFFSET $6`, append(args, f.Most(), f.Skip())...)
	if err := db.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, 0, fmt.Errorf("versions of image %s: %w", id, err)
	}
	return list, total, nil
}
