package overview

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/books"
)

// OrganizationFilter narrows and orders a list of a provider's organizations. Sorting keys: name, left, used,
// clusters, month.
type OrganizationFilter struct {
	Search string // part of the name
	store.Sorting
	store.Page
}

// ProviderOrganization is an organization that has hours, clusters or orders with a provider.
type ProviderOrganization struct {
	ID        uuid.UUID
	Name      string
	Suspended bool
	Bought    billing.Hours
	SetAside  billing.Hours
	Used      billing.Hours // booked
	Left      billing.Hours
	Expired   billing.Hours
	Clusters  int           // now, tests among them
	ThisMonth billing.Hours // booked in the provider's present accounting month
}

var organizationColumns = store.Sortable{
	"name": "o.name", "left": "l.left", "used": "l.used", "clusters": "clusters", "month": "m.hours",
}

// organizationsOf are the ids of everyone who has anything with provider $1.
const organizationsOf = `
	SELECT organization_id FROM wallets WHERE provider_id = $1
	UNION SELECT organization_id FROM clusters WHERE provider_id = $1`

const selectProviderOrganizations = `
	SELECT o.id, o.name, o.suspended_at IS NOT NULL AS suspended, l.bought, l.set_aside, l.used, l.left, l.expired, m.hours AS this_month,
		(SELECT count(*) FROM clusters c WHERE c.provider_id = $1 AND c.organization_id = o.id AND c.ended_at IS NULL)::int AS clusters
	FROM organizations o
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(l.bought), 0)::bigint AS bought, coalesce(sum(l.held), 0)::bigint AS set_aside, coalesce(sum(l.used), 0)::bigint AS used,
			coalesce(sum(l.available), 0)::bigint AS left, coalesce(sum(l.expired), 0)::bigint AS expired
		FROM wallets w JOIN lots l ON l.wallet_id = w.id WHERE w.provider_id = $1 AND w.organization_id = o.id) AS l
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(t.hours), 0)::bigint AS hours
		FROM wallets w JOIN ledger_entries e ON e.wallet_id = w.id AND e.kind = 'use' AND e.period_from >= $2 AND e.period_from < $3
		JOIN ledger_postings t ON t.wallet_id = e.wallet_id AND t.seq = e.seq AND t.account = 'used'
		WHERE w.provider_id = $1 AND w.organization_id = o.id) AS m
	WHERE o.id IN (` + organizationsOf + `)`

// ProviderOrganizations lists who has hours, clusters or orders with a provider, by name unless asked otherwise, how many
// the filter leaves, and the sum of their hours. ThisMonth is the accounting month of now.
func (db *DB) ProviderOrganizations(ctx context.Context, providerID uuid.UUID, now time.Time, f OrganizationFilter) (list []ProviderOrganization, total int, sum ProviderOrganization, err error) {
	month, err := db.monthAround(ctx, providerID, now)
	if err != nil {
		return nil, 0, sum, err
	}
	const narrowed = ` AND ($4 = '' OR o.name ILIKE $5)`
	args := []any{providerID, month.From, month.To, f.Search, store.Like(f.Search)}
	err = db.pool.QueryRow(ctx, `
		SELECT count(*), coalesce(sum(x.left), 0)::bigint, coalesce(sum(x.used), 0)::bigint, coalesce(sum(x.this_month), 0)::bigint, coalesce(sum(x.clusters), 0)::int
		FROM (`+selectProviderOrganizations+narrowed+`) AS x`, args...).Scan(&total, &sum.Left, &sum.Used, &sum.ThisMonth, &sum.Clusters)
	if err != nil {
		return nil, 0, sum, fmt.Errorf("count organizations: %w", err)
	}
	rows, _ := db.pool.Query(ctx, selectProviderOrganizations+narrowed+organizationColumns.OrderBy(f.Sorting, "o.name, o.id")+` LIMIT $6 OFFSET $7`,
		append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "organizations", pgx.RowToStructByName[ProviderOrganization])
	return list, total, sum, err
}

// ProviderOrganization shows one of them.
func (db *DB) ProviderOrganization(ctx context.Context, providerID, orgID uuid.UUID, now time.Time) (ProviderOrganization, error) {
	month, err := db.monthAround(ctx, providerID, now)
	if err != nil {
		return ProviderOrganization{}, err
	}
	rows, _ := db.pool.Query(ctx, selectProviderOrganizations+` AND o.id = $4`, providerID, month.From, month.To, orgID)
	return store.One(rows, "organization", pgx.RowToStructByName[ProviderOrganization])
}

func (db *DB) monthAround(ctx context.Context, providerID uuid.UUID, now time.Time) (billing.Period, error) {
	zone, err := books.AccountingZone(ctx, db.pool, providerID)
	if err != nil {
		return billing.Period{}, err
	}
	return billing.MonthOf(now, zone).Period(zone), nil
}

// MonthUse is what was booked as used in one accounting month.
type MonthUse struct {
	Month string // "2026-11"
	Hours billing.Hours
}

// MonthlyUse lists what was used of a provider's hours in each of the last n accounting months, the present one last;
// orgID narrows it to one organization unless it is Nil. When a month begins is said by billing.Month, as for the files: of a
// midnight that clocks show twice, PostgreSQL takes the second.
func (db *DB) MonthlyUse(ctx context.Context, providerID, orgID uuid.UUID, n int, now time.Time) ([]MonthUse, error) {
	zone, err := books.AccountingZone(ctx, db.pool, providerID)
	if err != nil {
		return nil, err
	}
	months, from, to := make([]string, n), make([]time.Time, n), make([]time.Time, n)
	m := billing.MonthOf(now, zone)
	for i := n - 1; i >= 0; i-- {
		period := m.Period(zone)
		months[i], from[i], to[i] = m.String(), period.From, period.To
		m = m.Previous()
	}
	rows, _ := db.pool.Query(ctx, `
		SELECT month.name AS month, coalesce(u.hours, 0)::bigint AS hours
		FROM unnest($3::text[], $4::timestamptz[], $5::timestamptz[]) AS month (name, begins, ends)
		LEFT JOIN LATERAL (
			SELECT sum(t.hours) AS hours
			FROM wallets w
			JOIN ledger_entries e ON e.wallet_id = w.id AND e.kind = 'use' AND e.period_from >= month.begins AND e.period_from < month.ends
			JOIN ledger_postings t ON t.wallet_id = e.wallet_id AND t.seq = e.seq AND t.account = 'used'
			WHERE w.provider_id = $1 AND ($2::uuid IS NULL OR w.organization_id = $2)) AS u ON true
		ORDER BY month.begins`, providerID, store.OrNull(orgID), months, from, to)
	return store.All(rows, "use by month", pgx.RowToStructByName[MonthUse])
}

// OrganizationName is an organization in a choice.
type OrganizationName struct {
	ID   uuid.UUID
	Name string
}

// OrganizationNames lists those of a provider by name, at most 500.
func (db *DB) OrganizationNames(ctx context.Context, providerID uuid.UUID) ([]OrganizationName, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id, name FROM organizations WHERE id IN (`+organizationsOf+`) ORDER BY name LIMIT 500`, providerID)
	return store.All(rows, "organizations", pgx.RowToStructByName[OrganizationName])
}
