package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ModelClusterRow is a model cluster in a list, with its newest version.
type ModelClusterRow struct {
	ID            uuid.UUID
	Name          string
	CreatedAt     time.Time
	Versions      int
	Withdrawn     int          // of them
	LatestVersion string       // empty: none
	LatestState   VersionState // empty likewise
	LastTest      string       // of the newest version: running, passed, failed; empty where there is none
	Total         int          `db:"total"` // that the filter leaves
}

// ModelClusterFilter narrows and orders an organization's model clusters. Sorting keys: name, versions, created.
type ModelClusterFilter struct {
	Search string // part of the name
	Test   string // last test of the newest version: passed, failed, running, none
	store.Sorting
	store.Page
}

var modelClusterColumns = store.Sortable{"name": "m.name", "versions": "n.versions", "created": "m.created_at"}

const fromModelClusters = `
	FROM model_clusters m
	CROSS JOIN LATERAL (SELECT count(*)::int AS versions, (count(*) FILTER (WHERE v.state = 'withdrawn'))::int AS withdrawn FROM model_versions v WHERE v.model_cluster_id = m.id) AS n
	LEFT JOIN LATERAL (SELECT v.id, v.version, v.state FROM model_versions v WHERE v.model_cluster_id = m.id
		ORDER BY v.created_at DESC, v.id DESC LIMIT 1) AS l ON true
	LEFT JOIN LATERAL (SELECT t.state FROM acceptance_tests t WHERE t.version_id = l.id ORDER BY t.created_at DESC, t.id DESC LIMIT 1) AS t ON true
	WHERE m.organization_id = $1 AND m.name ILIKE $2 AND ($3 = '' OR coalesce(t.state, 'none') = $3)`

// ListModelClusters gives a page of an organization's model clusters, by name unless asked otherwise, and how many the
// filter leaves.
func (db *DB) ListModelClusters(ctx context.Context, orgID uuid.UUID, f ModelClusterFilter) ([]ModelClusterRow, int, error) {
	args := []any{orgID, store.Like(f.Search), f.Test}
	rows, _ := db.pool.Query(ctx, `
		SELECT m.id, m.name, m.created_at, n.versions, n.withdrawn, coalesce(l.version, '') AS latest_version, coalesce(l.state, '') AS latest_state,
			coalesce(t.state, '') AS last_test, (count(*) OVER ())::int AS total`+fromModelClusters+
		modelClusterColumns.OrderBy(f.Sorting, "m.name, m.id")+` LIMIT $4 OFFSET $5`, append(args, f.Most(), f.Skip())...)
	list, err := store.All(rows, "model clusters", pgx.RowToStructByName[ModelClusterRow])
	if err != nil || len(list) > 0 {
		return list, store.TotalOf(list, func(r ModelClusterRow) int { return r.Total }), err
	}
	total, err := db.core.Count(ctx, `SELECT count(*)`+fromModelClusters, args...)
	return nil, total, err
}

// VersionFilter narrows and orders a model cluster's versions. Sorting keys: version, state, compute, created,
// published.
type VersionFilter struct {
	State string // draft, published, withdrawn
	store.Sorting
	store.Page
}

var versionColumns = store.Sortable{
	"version": "v.version", "state": "v.state", "compute": "n.compute_max", "created": "v.created_at", "published": "v.published_at",
}

const whereVersions = ` WHERE v.organization_id = $1 AND v.model_cluster_id = $2 AND ($3 = '' OR v.state = $3)`

// ListVersions gives a page of a model cluster's versions, the newest first unless asked otherwise, and how many the
// filter leaves.
func (db *DB) ListVersions(ctx context.Context, orgID, modelID uuid.UUID, f VersionFilter) (list []VersionRow, total int, err error) {
	args := []any{orgID, modelID, f.State}
	if err := db.pool.QueryRow(ctx, `SELECT count(*) FROM model_versions v`+whereVersions, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count versions: %w", err)
	}
	rows, _ := db.pool.Query(ctx, selectVersionRows+whereVersions+
		versionColumns.OrderBy(f.Sorting, "v.created_at DESC, v.id DESC")+` LIMIT $4 OFFSET $5`, append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "versions", pgx.RowToStructByName[VersionRow])
	return list, total, err
}

// ImageFilter narrows and orders an organization's images. Sorting keys: name, size, disk, use, created.
type ImageFilter struct {
	Search string // part of the name
	store.Sorting
	store.Page
}

var imageOrder = store.Sortable{"name": "i.name", "size": "i.canonical_size", "disk": "i.virtual_size", "use": "used", "created": "i.created_at"}

const whereImages = ` WHERE i.organization_id = $1 AND i.name ILIKE $2`

// ListImages gives a page of an organization's images, the newest first unless asked otherwise; how many the filter
// leaves; and the bytes that are kept of all those.
func (db *DB) ListImages(ctx context.Context, orgID uuid.UUID, f ImageFilter) (list []Image, total int, size int64, err error) {
	args := []any{orgID, store.Like(f.Search)}
	err = db.pool.QueryRow(ctx, `SELECT count(*), coalesce(sum(i.canonical_size), 0)::bigint FROM images i`+whereImages, args...).Scan(&total, &size)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("count images: %w", err)
	}
	rows, _ := db.pool.Query(ctx, `SELECT `+imageColumns+whereImages+
		imageOrder.OrderBy(f.Sorting, "i.created_at DESC, i.id DESC")+` LIMIT $3 OFFSET $4`, append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "images", pgx.RowToStructByName[Image])
	return list, total, size, err
}
