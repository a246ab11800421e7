package overview

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ProviderOverview is what needs a provider's staff now, and what is left to its first sale.
type ProviderOverview struct {
	WaitingOrders int
	FailedJobs    int // about its hosts and tests, which nothing tries again
	Troubled      int // clusters that failed or lost nodes
	Requests      int // launches for which members wait for their managers

	// The checklist to the first sale.
	HasPool      bool
	HasHost      bool // that passed its check
	HasShape     bool
	HasPrice     bool // that sells now
	HasTestShare bool
	HasSold      bool
}

// ReadyToSell tells that nothing of the checklist is missing.
func (o ProviderOverview) ReadyToSell() bool {
	return o.HasPool && o.HasHost && o.HasShape && o.HasPrice && o.HasTestShare
}

// ProviderOverview reads it in one query.
func (db *DB) ProviderOverview(ctx context.Context, providerID uuid.UUID) (ProviderOverview, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT (SELECT count(*) FROM orders o WHERE o.provider_id = p.id AND o.state = 'waiting')::int AS waiting_orders,
			(SELECT count(*)`+fromFailedJobs+`)::int AS failed_jobs,
			(SELECT count(*) FROM clusters c WHERE c.provider_id = p.id AND c.ended_at IS NULL
				AND EXISTS (SELECT FROM nodes n WHERE n.cluster_id = c.id AND n.state IN ('failed', 'lost')))::int AS troubled,
			(SELECT count(*) FROM launch_requests r JOIN pools x ON x.id = r.pool_id WHERE x.provider_id = p.id AND r.state = 'waiting')::int AS requests,
			EXISTS (SELECT FROM pools x WHERE x.provider_id = p.id) AS has_pool,
			EXISTS (SELECT FROM hosts x WHERE x.provider_id = p.id AND x.removed_at IS NULL AND x.checked) AS has_host,
			EXISTS (SELECT FROM shapes x WHERE x.provider_id = p.id AND x.retired_at IS NULL) AS has_shape,
			EXISTS (SELECT FROM offers o JOIN offer_prices f ON f.offer_id = o.id WHERE o.provider_id = p.id AND o.ended_at IS NULL AND f.during @> now()) AS has_price,
			EXISTS (SELECT FROM pools x WHERE x.provider_id = p.id AND x.test_vcpus > 0) AS has_test_share,
			EXISTS (SELECT FROM orders o WHERE o.provider_id = p.id AND o.state = 'approved') AS has_sold
		FROM providers p WHERE p.id = $1`, providerID)
	return store.One(rows, "provider", pgx.RowToStructByName[ProviderOverview])
}

// fromFailedJobs are jobs about hosts and tests of provider p that ended without success.
const fromFailedJobs = `
	FROM jobs j WHERE j.state = 'discarded' AND CASE j.kind
		WHEN 'check_host' THEN (SELECT h.provider_id FROM hosts h WHERE h.id = j.subject_id)
		WHEN 'run_acceptance' THEN (SELECT t.provider_id FROM acceptance_tests t WHERE t.id = j.subject_id) END = p.id`
