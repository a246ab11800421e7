package models

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// Share is with whom a model cluster is shared.
type Share struct {
	With   uuid.UUID // Nil: everyone
	Name   string    // of the organization; empty: everyone
	Person string    // who shared it; empty: the operator's command
	At     time.Time
}

// ModelShares is what the owner sees of the sharing of a model cluster.
type ModelShares struct {
	List     []Share // everyone first, then by name
	Starters bool    // the organization is the platform's own: what it shares with everyone is a starter model
	Clones   int     // model clusters that are clones of its versions
}

// ModelShares tells with whom a model cluster of the organization is shared, and how often it was cloned.
func (db *DB) ModelShares(ctx context.Context, orgID, modelID uuid.UUID) (s ModelShares, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT o.starters, (SELECT count(*)::int FROM model_origins g JOIN model_versions v ON v.id = g.version_id WHERE v.organization_id = o.id AND v.model_cluster_id = m.id)
		FROM model_clusters m JOIN organizations o ON o.id = m.organization_id WHERE m.organization_id = $1 AND m.id = $2`, orgID, modelID).Scan(&s.Starters, &s.Clones)
	if err != nil {
		return s, store.Found(err, "model cluster")
	}
	rows, _ := db.pool.Query(ctx, `
		SELECT coalesce(s.with_id, '00000000-0000-0000-0000-000000000000') AS "with", coalesce(o.name, '') AS name, coalesce(p.name, '') AS person, s.shared_at AS at
		FROM model_shares s LEFT JOIN organizations o ON o.id = s.with_id LEFT JOIN people p ON p.id = s.shared_by
		WHERE s.organization_id = $1 AND s.model_cluster_id = $2 ORDER BY s.with_id IS NOT NULL, o.name`, orgID, modelID)
	s.List, err = store.All(rows, "shares of a model cluster", pgx.RowToStructByName[Share])
	return s, err
}
