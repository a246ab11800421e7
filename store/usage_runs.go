package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
)

// RunRow is one run as its organization sees it: one node from its gate to its last proof of life.
type RunRow struct {
	ClusterID uuid.UUID
	NodeName  string
	Rate      billing.Rate
	StartedAt time.Time
	EndedAt   time.Time // the last proof of life so far
	Open      bool
	Used      billing.Hours
	Cost      *int64 // of what is booked, in the currency's minor unit; nil: no lot with a price paid
	Currency  billing.Currency
}

// RunsOfClusters lists the runs of some of an organization's clusters in the order of their beginnings; head first.
// Clusters of somebody else have none.
func (db *DB) RunsOfClusters(ctx context.Context, orgID uuid.UUID, clusterIDs []uuid.UUID) ([]RunRow, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT r.cluster_id, n.name AS node_name, r.rate, r.started_at, r.ended_at, r.closed_at IS NULL AS open,
		       (extract(epoch FROM r.ended_at - r.started_at) * r.rate)::bigint AS used,
		       (SELECT sum(l.cost)::bigint FROM usage_lines l WHERE l.run_id = r.id) AS cost, p.currency
		  FROM runs r JOIN nodes n ON n.id = r.node_id JOIN providers p ON p.id = n.provider_id
		 WHERE r.cluster_id = ANY($2) AND n.organization_id = $1
		 ORDER BY r.cluster_id, r.started_at, n.role DESC, n.name`, orgID, clusterIDs)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[RunRow])
	if err != nil {
		return nil, fmt.Errorf("runs of organization %s: %w", orgID, err)
	}
	return list, nil
}
