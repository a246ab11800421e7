package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// ProviderClusterFilter narrows and orders a list of clusters on a provider's pools. Zero fields leave nothing out, but
// for State: without one, those that are gone are left out. Sorting keys: name, organization, pool, nodes, created,
// lease, ended, used.
type ProviderClusterFilter struct {
	Search       string // part of the name
	Organization uuid.UUID
	Pool         uuid.UUID
	State        string // provisioner.ClusterState
	Kind         string // "cluster", "test"
	store.Sorting
	store.Page
}

var providerClusterColumns = store.Sortable{
	"name": "c.name", "organization": "o.name", "pool": "p.name", "nodes": "n.count", "created": "c.created_at",
	"lease": "c.lease_ends_at", "ended": "c.ended_at", "used": "r.used",
}

// clustersOfProvider narrows clusters c by $1 to $7; whether they ended is a column, so that history is not derived.
const clustersOfProvider = ` WHERE c.provider_id = $1 AND (c.ended_at IS NOT NULL) = ($2 = 'gone')
	AND ($2 IN ('', 'gone') OR (SELECT cluster_state(c.desired = 'paused', array_agg(x.desired), array_agg(x.state)) FROM nodes x WHERE x.cluster_id = c.id) = $2)
	AND ($3 = '' OR c.name ILIKE $4) AND ($5::uuid IS NULL OR c.organization_id = $5) AND ($6::uuid IS NULL OR c.pool_id = $6)
	AND ($7 = '' OR c.kind = $7)`

// ProviderClusters lists the clusters on a provider's pools, acceptance tests among them, the newest first unless asked
// otherwise; how many the filter leaves; and what all of those have used.
func (db *DB) ProviderClusters(ctx context.Context, providerID uuid.UUID, f ProviderClusterFilter) (list []ClusterRow, total int, used billing.Hours, err error) {
	args := []any{providerID, f.State, f.Search, store.Like(f.Search), store.OrNull(f.Organization), store.OrNull(f.Pool), f.Kind}
	err = db.pool.QueryRow(ctx, `
		SELECT count(*), coalesce(sum(r.used), 0)::bigint FROM clusters c
		CROSS JOIN LATERAL (SELECT sum(extract(epoch FROM ended_at - started_at)::bigint * rate)::bigint AS used
			FROM runs WHERE cluster_id = c.id) AS r`+clustersOfProvider, args...).Scan(&total, &used)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("count clusters: %w", err)
	}
	rows, _ := db.pool.Query(ctx, selectClusters+clustersOfProvider+
		providerClusterColumns.OrderBy(f.Sorting, "c.created_at DESC, c.id DESC")+` LIMIT $8 OFFSET $9`, append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "clusters", rowToCluster)
	return list, total, used, err
}

// ProviderCluster shows one cluster on a provider's pools: never what its guests were given.
func (db *DB) ProviderCluster(ctx context.Context, providerID, id uuid.UUID) (d ClusterDetail, err error) {
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, selectClusters+` WHERE c.provider_id = $1 AND c.id = $2`, providerID, id)
		if d.ClusterRow, err = store.One(rows, "cluster", rowToCluster); err != nil {
			return err
		}
		if err := d.readFacts(ctx, tx); err != nil {
			return err
		}
		return d.readNodes(ctx, tx)
	})
	return d, err
}
