package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// ClusterListFilter narrows and orders an organization's list of clusters. Zero fields leave nothing out, but for Gone.
// Sorting keys: name, pool, nodes, created, lease, ended, used.
type ClusterListFilter struct {
	Gone     bool   // those that are gone, instead of those that are not
	State    string // provisioner.ClusterState
	Search   string // part of the name
	Pool     uuid.UUID
	Provider uuid.UUID
	store.Sorting
	store.Page
}

var clusterColumns = store.Sortable{
	"name": "c.name", "pool": "p.name", "nodes": "n.count", "created": "c.created_at", "lease": "c.lease_ends_at", "ended": "c.ended_at", "used": "r.used",
}

// clustersOfOrganization narrows clusters c by $1 to $6. Whether they ended is a column, so that history is not derived.
const clustersOfOrganization = ` WHERE c.organization_id = $1 AND c.kind = 'cluster' AND (c.ended_at IS NOT NULL) = $2
	AND ($3 = '' OR (SELECT cluster_state(c.desired = 'paused', array_agg(x.desired), array_agg(x.state)) FROM nodes x WHERE x.cluster_id = c.id) = $3)
	AND c.name ILIKE $4 AND ($5::uuid IS NULL OR c.pool_id = $5) AND ($6::uuid IS NULL OR c.provider_id = $6)`

// ClusterList is a page of an organization's clusters, what its filter leaves in all, and the places a filter may name.
type ClusterList struct {
	Clusters []ClusterRow
	Total    int           // that the filter leaves
	Used     billing.Hours // by all of those
	Places   []PoolPlace
}

const countClusters = `
	SELECT count(*), coalesce(sum(r.used), 0)::bigint FROM clusters c
	CROSS JOIN LATERAL (SELECT sum(extract(epoch FROM ended_at - started_at)::bigint * rate)::bigint AS used
		FROM runs WHERE cluster_id = c.id) AS r` + clustersOfOrganization

// ListClusters gives a page of an organization's clusters, the newest first unless asked otherwise: in one round trip
// where the page holds them all, else in two.
func (db *DB) ListClusters(ctx context.Context, orgID uuid.UUID, f ClusterListFilter) (l ClusterList, err error) {
	args := []any{orgID, f.Gone, f.State, store.Like(f.Search), store.OrNull(f.Pool), store.OrNull(f.Provider)}
	b := &pgx.Batch{}
	store.QueueAll(b, &l.Clusters, rowToCluster, selectClusters+clustersOfOrganization+
		clusterColumns.OrderBy(f.Sorting, "c.created_at DESC, c.id DESC")+` LIMIT $7 OFFSET $8`, append(args, f.Most(), f.Skip())...)
	store.QueueAll(b, &l.Places, pgx.RowToStructByName[PoolPlace], selectPlaces)
	if err := db.pool.SendBatch(ctx, b).Close(); err != nil {
		return l, fmt.Errorf("list clusters: %w", err)
	}
	if f.Skip() == 0 && len(l.Clusters) < f.Most() {
		l.Total = len(l.Clusters)
		for _, c := range l.Clusters {
			l.Used += c.Used
		}
		return l, nil
	}
	if err := db.pool.QueryRow(ctx, countClusters, args...).Scan(&l.Total, &l.Used); err != nil {
		return l, fmt.Errorf("count clusters: %w", err)
	}
	return l, nil
}
