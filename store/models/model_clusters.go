package models

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ModelCluster is a named description of a cluster, in versions.
type ModelCluster struct {
	ID        uuid.UUID
	Name      string
	CreatedAt time.Time
	Versions  []VersionRow `db:"-"` // the newest first
}

// VersionRow is a version in a list.
type VersionRow struct {
	ID             uuid.UUID
	ModelClusterID uuid.UUID
	Version        string
	State          VersionState
	ComputeMin     int
	ComputeMax     int
	CreatedAt      time.Time
	PublishedAt    *time.Time
	LastTestID     *uuid.UUID // the newest acceptance test, if any
	LastTest       string     // its state: running, passed, failed; empty where there is none
}

const selectVersionRows = `
	SELECT v.id, v.model_cluster_id, v.version, v.state, n.compute_min, n.compute_max, v.created_at, v.published_at,
		t.id AS last_test_id, coalesce(t.state, '') AS last_test
	FROM model_versions v` + joinCompute + `
	LEFT JOIN LATERAL (SELECT t.id, t.state FROM acceptance_tests t WHERE t.version_id = v.id
		ORDER BY t.created_at DESC, t.id DESC LIMIT 1) AS t ON true`

// ModelCluster shows one model cluster with its versions.
func (db *DB) ModelCluster(ctx context.Context, orgID, id uuid.UUID) (ModelCluster, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id, name, created_at FROM model_clusters WHERE organization_id = $1 AND id = $2`, orgID, id)
	m, err := store.One(rows, "model cluster", pgx.RowToStructByName[ModelCluster])
	if err != nil {
		return m, err
	}
	rows, _ = db.pool.Query(ctx, selectVersionRows+`
		WHERE v.organization_id = $1 AND v.model_cluster_id = $2 ORDER BY v.created_at DESC, v.id DESC`, orgID, id)
	m.Versions, err = store.All(rows, "versions", pgx.RowToStructByName[VersionRow])
	return m, err
}
