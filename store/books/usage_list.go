package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// UsageFilter narrows and orders an organization's clusters that hold or have used hours. Sorting keys: name, provider,
// nodes, created, aside, used, cost.
type UsageFilter struct {
	Search   string // part of the cluster's name or of one of its references
	Provider uuid.UUID
	store.Sorting
	store.Page
}

// UsageSum is of all rows that a filter leaves.
type UsageSum struct {
	Count    int
	Used     billing.Hours
	SetAside billing.Hours
	Costs    []billing.Money // of what is booked, by currency
}

var usageColumns = store.Sortable{
	"name": "c.name", "provider": "p.name", "nodes": "nodes", "created": "c.created_at", "aside": "set_aside", "used": "r.used", "cost": "k.cost",
}

const fromUsage = `
	  FROM clusters c JOIN providers p ON p.id = c.provider_id
	  JOIN LATERAL (SELECT sum(set_aside - released) AS set_aside FROM holds WHERE cluster_id = c.id) h ON h.set_aside IS NOT NULL
	  JOIN LATERAL (
	    SELECT coalesce(sum(extract(epoch FROM ended_at - started_at)), 0)::bigint AS seconds,
	           coalesce(sum(extract(epoch FROM ended_at - started_at) * rate), 0)::bigint AS used
	      FROM runs WHERE cluster_id = c.id) r ON true
	  JOIN LATERAL (SELECT sum(l.cost)::bigint AS cost FROM runs u JOIN usage_lines l ON l.run_id = u.id WHERE u.cluster_id = c.id) k ON true
	 WHERE c.organization_id = $1 AND ($2::uuid IS NULL OR c.provider_id = $2)
	   AND (c.name ILIKE $3 OR c.purchase_order ILIKE $3 OR c.cost_centre ILIKE $3 OR c.grant_number ILIKE $3)`

// ListUsage gives a page of the organization's clusters that hold or have used hours, the newest first unless asked
// otherwise, and the sums of all that the filter leaves.
func (db *DB) ListUsage(ctx context.Context, orgID uuid.UUID, f UsageFilter) (list []ClusterUseRow, sum UsageSum, err error) {
	args := []any{orgID, store.OrNull(f.Provider), store.Like(f.Search)}
	err = db.pool.QueryRow(ctx, `
		SELECT count(*), coalesce(sum(r.used), 0)::bigint, coalesce(sum(greatest(h.set_aside - r.used, 0)), 0)::bigint`+fromUsage, args...).
		Scan(&sum.Count, &sum.Used, &sum.SetAside)
	if err != nil {
		return nil, sum, fmt.Errorf("sum usage of organization %s: %w", orgID, err)
	}
	if sum.Costs, err = db.sumCosts(ctx, args); err != nil {
		return nil, sum, err
	}
	rows, _ := db.pool.Query(ctx, `
		SELECT c.id AS cluster_id, c.name, p.name AS provider_name, c.created_at, c.ended_at, r.seconds, r.used, k.cost, p.currency,
		       c.purchase_order, c.cost_centre, c.grant_number,
		       (SELECT count(*) FROM nodes n WHERE n.cluster_id = c.id)::int AS nodes,
		       greatest(h.set_aside - r.used, 0)::bigint AS set_aside`+fromUsage+
		usageColumns.OrderBy(f.Sorting, "c.created_at DESC, c.id")+` LIMIT $4 OFFSET $5`, append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "usage", pgx.RowToStructByName[ClusterUseRow])
	return list, sum, err
}

func (db *DB) sumCosts(ctx context.Context, args []any) ([]billing.Money, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT sum(k.cost)::bigint AS minor, p.currency`+fromUsage+` AND k.cost IS NOT NULL GROUP BY p.currency ORDER BY p.currency`, args...)
	return store.All(rows, "costs", pgx.RowToStructByName[billing.Money])
}

// RunFilter narrows the runs of a cluster, and orders them by node, from, until, rate or used.
type RunFilter struct {
	Node string // part of its name
	store.Sorting
	store.Page
}

var runColumns = store.Sortable{
	"node": "n.name", "from": "r.started_at", "until": "r.ended_at", "rate": "r.rate", "used": "used",
}

// RunSum is what the runs of a cluster come to.
type RunSum struct {
	All      billing.Hours // used by every run
	Count    int           // of those that the filter leaves
	Used     billing.Hours // by those
	Cost     *int64        // of what is booked for those, in the currency's minor unit; nil: no lot with a price paid
	Currency billing.Currency
}

// ListRuns gives a page of the runs of one of an organization's clusters, in the order of their beginnings unless asked
// otherwise, and what they come to. Another organization's cluster has none.
func (db *DB) ListRuns(ctx context.Context, orgID, clusterID uuid.UUID, f RunFilter) (list []RunRow, sum RunSum, err error) {
	const used = `(extract(epoch FROM r.ended_at - r.started_at) * r.rate)::bigint`
	const cost = `(SELECT sum(l.cost)::bigint FROM usage_lines l WHERE l.run_id = r.id)`
	const from = ` FROM runs r JOIN nodes n ON n.id = r.node_id JOIN providers p ON p.id = n.provider_id WHERE r.cluster_id = $2 AND n.organization_id = $1`
	args := []any{orgID, clusterID, store.Like(f.Node)}
	b := &pgx.Batch{}
	b.Queue(`
		SELECT coalesce(sum(x.used), 0)::bigint, count(*) FILTER (WHERE x.kept), coalesce(sum(x.used) FILTER (WHERE x.kept), 0)::bigint,
		       sum(x.cost) FILTER (WHERE x.kept)::bigint, coalesce(min(x.currency), '')
		  FROM (SELECT `+used+` AS used, n.name ILIKE $3 AS kept, p.currency, `+cost+` AS cost`+from+`) AS x`, args...).
		QueryRow(func(row pgx.Row) error { return row.Scan(&sum.All, &sum.Count, &sum.Used, &sum.Cost, &sum.Currency) })
	store.QueueAll(b, &list, pgx.RowToStructByName[RunRow], `
		SELECT r.cluster_id, n.name AS node_name, r.rate, r.started_at, r.ended_at, r.closed_at IS NULL AS open, r.proofs, r.longest_gap AS gap,
		       `+used+` AS used, `+cost+` AS cost, p.currency`+from+` AND n.name ILIKE $3`+
		runColumns.OrderBy(f.Sorting, "r.started_at, n.role DESC, n.name, r.id")+` LIMIT $4 OFFSET $5`, append(args, f.Most(), f.Skip())...)
	if err := db.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, sum, fmt.Errorf("runs of cluster %s: %w", clusterID, err)
	}
	return list, sum, nil
}
