package books

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// ClusterUseRow is one cluster in an organization's list of uses, in mcs.
type ClusterUseRow struct {
	ClusterID    uuid.UUID
	Name         string
	ProviderName string
	CreatedAt    time.Time
	EndedAt      *time.Time
	Nodes        int
	Seconds      int64 // of all nodes
	Used         billing.Hours
	SetAside     billing.Hours // still held beyond what was used
	Cost         *int64        // of what is booked, in the currency's minor unit; nil: no lot with a price paid
	Currency     billing.Currency
	store.References
}

// ExportUsage writes a provider's month; billing's document has the columns. Lines and totals are read in one snapshot. The
// file is good only where it returns nil: billing.ErrUntied and every other error leave one that is not whole.
func (db *DB) ExportUsage(ctx context.Context, providerID uuid.UUID, month billing.Month, to billing.Book) error {
	period, err := db.accountingPeriod(ctx, providerID, month)
	if err != nil {
		return err
	}
	// One snapshot for all reads: booking goes on meanwhile.
	err = db.core.LongSnapshot(ctx, func(tx pgx.Tx) error {
		known, err := asOf(ctx, tx, providerID, uuid.Nil)
		if err != nil {
			return err
		}
		return writeUsage(ctx, tx, accounts{providerID, month, period, known}, to)
	})
	if err != nil {
		return fmt.Errorf("export %s of provider %s: %w", month, providerID, err)
	}
	return nil
}

// writeUsage writes what is in a month's accounts.
func writeUsage(ctx context.Context, tx pgx.Tx, a accounts, to billing.Book) error {
	w, err := billing.NewUsageWriter(to, a.period, a.known)
	if err != nil {
		return err
	}
	if err := eachRun(ctx, tx, a.providerID, a.month, a.period, w.Run); err != nil {
		return err
	}
	totals, err := accountTotals(ctx, tx, a.providerID, a.month)
	if err != nil {
		return err
	}
	return w.Finish(totals)
}

// MonthUse is what the ledger says of a provider's month.
type MonthUse struct {
	Totals []billing.UsageTotal // by organization
	billing.AsOf
}

// EachRun calls fn with what is booked of each run in a provider's month, by organization, cluster and start, and
// returns what the ledger's postings of the month sum to in the same snapshot.
func (db *DB) EachRun(ctx context.Context, providerID uuid.UUID, month billing.Month, fn func(billing.RunUse) error) (MonthUse, error) {
	period, err := db.accountingPeriod(ctx, providerID, month)
	if err != nil {
		return MonthUse{}, err
	}
	var use MonthUse
	// One snapshot for all reads: booking goes on meanwhile.
	err = db.core.LongSnapshot(ctx, func(tx pgx.Tx) error {
		if err := eachRun(ctx, tx, providerID, month, period, fn); err != nil {
			return err
		}
		if use.AsOf, err = asOf(ctx, tx, providerID, uuid.Nil); err != nil {
			return err
		}
		use.Totals, err = accountTotals(ctx, tx, providerID, month)
		return err
	})
	if err != nil {
		return MonthUse{}, fmt.Errorf("runs of provider %s in %s: %w", providerID, month, err)
	}
	return use, nil
}

// asOf gives the instant of the snapshot, and up to where all that a provider's nodes used is booked: where the least
// booked of its runs is, and where none is left, now. orgID narrows it to the nodes of one organization; Nil: all.
func asOf(ctx context.Context, tx pgx.Tx, providerID, orgID uuid.UUID) (a billing.AsOf, err error) {
	err = tx.QueryRow(ctx, `
		SELECT date_trunc('second', now()), date_trunc('second', least(now(), (
			SELECT min(b.booked_until) FROM run_bookings b JOIN wallets w ON w.id = b.wallet_id 
			 WHERE w.provider_id = $1 AND ($2::uuid IS NULL OR w.organization_id = $2) AND NOT b.done)))`,
		providerID, store.OrNull(orgID)).Scan(&a.Made, &a.Settled)
	return a, err
}

// CurrentMonth is the month that now lies in by the provider's accounting zone.
func (db *DB) CurrentMonth(ctx context.Context, providerID uuid.UUID, now time.Time) (billing.Month, error) {
	zone, err := AccountingZone(ctx, db.pool, providerID)
	if err != nil {
		return billing.Month{}, err
	}
	return billing.MonthOf(now, zone), nil
}

func (db *DB) accountingPeriod(ctx context.Context, providerID uuid.UUID, month billing.Month) (billing.Period, error) {
	zone, err := AccountingZone(ctx, db.pool, providerID)
	if err != nil {
		return billing.Period{}, err
	}
	return month.Period(zone), nil
}

// AccountingZone is where a provider's months begin and end.
func AccountingZone(ctx context.Context, q store.Queryer, providerID uuid.UUID) (*time.Location, error) {
	w := wallet{ProviderID: providerID}
	err := q.QueryRow(ctx, `SELECT accounting_zone FROM providers WHERE id = $1`, providerID).Scan(&w.AccountingZone)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, refusal.NotFound("provider")
	}
	if err != nil {
		return nil, fmt.Errorf("accounting zone of provider %s: %w", providerID, err)
	}
	return w.zone()
}

// eachRun streams the sums of the usage lines of each run in a month's accounts, and behind them what corrections took back. Settling cuts lines
// where a month begins, so that a line belongs to the period that it starts in, or where that was closed, to the one of its entry.
func eachRun(ctx context.Context, tx pgx.Tx, providerID uuid.UUID, month billing.Month, p billing.Period, fn func(billing.RunUse) error) error {
	rows, err := tx.Query(ctx, selectAccounts, providerID, p.From, p.To, nil, month.FirstDay())
	if err != nil {
		return err
	}
	if err := eachRunUse(rows, func(r runUseRow) error { return fn(r.RunUse) }); err != nil {
		return err
	}
	return eachUseTakenBack(ctx, tx, providerID, uuid.Nil, month, fn)
}

// eachUseTakenBack streams what corrections in a month's accounts took back of use, of one organization or of all (Nil).
func eachUseTakenBack(ctx context.Context, tx pgx.Tx, providerID, orgID uuid.UUID, month billing.Month, fn func(billing.RunUse) error) error {
	rows, err := tx.Query(ctx, `
		SELECT o.id AS organization_id, o.name AS organization_name, e.corrects, date_trunc('second', e.at) AS "from", date_trunc('second', e.at) AS "to",
		       t.hours, d.minor, CASE WHEN d.minor IS NULL THEN '' ELSE p.currency END AS currency, coalesce(x.number::text, '') AS orders,
		       coalesce(x.purchase_order, '') AS order_purchase_order, coalesce(x.cost_centre, '') AS order_cost_centre, coalesce(x.grant_number, '') AS order_grant_number
		  FROM wallets w
		  JOIN providers p ON p.id = w.provider_id
		  JOIN organizations o ON o.id = w.organization_id
		  JOIN ledger_entries e ON e.wallet_id = w.id AND e.kind = 'correction' AND e.period = $3::text::date
		  CROSS JOIN LATERAL (SELECT lot_id, sum(hours)::bigint AS hours FROM ledger_postings
		                       WHERE wallet_id = e.wallet_id AND seq = e.seq AND account = 'used' GROUP BY lot_id) t
		  LEFT JOIN LATERAL (SELECT sum(amount)::bigint AS minor FROM money_postings
		                      WHERE wallet_id = e.wallet_id AND seq = e.seq AND account = 'deferred' AND lot_id = t.lot_id) d ON true
		  LEFT JOIN orders x ON x.lot_id = t.lot_id
		 WHERE w.provider_id = $1 AND ($2::uuid IS NULL OR w.organization_id = $2)
		 ORDER BY o.name, o.id, e.seq, t.lot_id`, providerID, store.OrNull(orgID), month.FirstDay())
	if err != nil {
		return err
	}
	return eachRunUse(rows, func(r runUseRow) error { return fn(r.RunUse) })
}

// selectRunUse and what follows it read what is booked of the runs of a provider ($1) in a month ($2 to $3), of one
// organization or of all ($4): fromRunUse what ran in it, fromAccounts what is in its accounts ($5).
const (
	selectRunUse = `
		SELECT o.id AS organization_id, o.name AS organization_name, c.id AS cluster_id, c.name AS cluster_name,
		       n.id AS node_id, n.name AS node_name, r.id AS run_id, n.vcpus AS v_cpus, n.memory_mib AS memory_mi_b,
		       u.from_at AS "from", u.to_at AS "to", r.rate, u.hours, u.cost AS minor, CASE WHEN u.cost IS NULL THEN '' ELSE p.currency END AS currency,
		       c.purchase_order, c.cost_centre, c.grant_number, q.orders, q.order_purchase_order, q.order_cost_centre, q.order_grant_number,
		       CASE WHEN r.closed_at IS NOT NULL AND r.ended_at <= u.to_at THEN r.close_reason ELSE '' END AS end_reason`
	sumLines = `SELECT l.run_id, min(l.from_at) AS from_at, max(l.to_at) AS to_at, sum(l.hours)::bigint AS hours,
		               sum(l.cost)::bigint AS cost, array_agg(DISTINCT l.lot_id) AS lots`
	linesBetween = `
		          FROM usage_lines l JOIN wallets w ON w.id = l.wallet_id
		         WHERE w.provider_id = $1 AND ($4::uuid IS NULL OR w.organization_id = $4) AND l.from_at >= $2 AND l.from_at < $3`
	isLate       = ` e.kind = 'use' AND e.period > e.accounting_date`
	fromRunUse   = ` FROM (` + sumLines + linesBetween + ` GROUP BY l.run_id) u` + joinRunUse
	fromAccounts = `
		  FROM (` + sumLines + `, false AS late` + linesBetween + `
		           AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.wallet_id = l.wallet_id AND e.seq = l.seq AND` + isLate + `)
		         GROUP BY l.run_id
		         UNION ALL
		        ` + sumLines + `, true AS late
		          FROM wallets w
		          JOIN ledger_entries e ON e.wallet_id = w.id AND e.period = $5::text::date AND` + isLate + `
		          JOIN usage_lines l ON l.wallet_id = e.wallet_id AND l.seq = e.seq
		         WHERE w.provider_id = $1 AND ($4::uuid IS NULL OR w.organization_id = $4)
		         GROUP BY l.run_id, date_trunc('month', e.accounting_date::timestamp)) u` + joinRunUse
	selectAccounts = selectRunUse + `, u.late` + fromAccounts + orderRunUse
	joinRunUse     = `
		  JOIN runs r ON r.id = u.run_id
		  JOIN nodes n ON n.id = r.node_id
		  JOIN clusters c ON c.id = r.cluster_id
		  JOIN organizations o ON o.id = c.organization_id
		  JOIN providers p ON p.id = c.provider_id
		  CROSS JOIN LATERAL (
		    SELECT coalesce(string_agg(x.number::text, ' ' ORDER BY x.number), '') AS orders,
		           coalesce(string_agg(DISTINCT nullif(x.purchase_order, ''), '; '), '') AS order_purchase_order,
		           coalesce(string_agg(DISTINCT nullif(x.cost_centre, ''), '; '), '') AS order_cost_centre,
		           coalesce(string_agg(DISTINCT nullif(x.grant_number, ''), '; '), '') AS order_grant_number
		      FROM orders x WHERE x.lot_id = ANY(u.lots)) q`
	orderRunUse = `
		 ORDER BY o.name, c.created_at, c.id, u.from_at, n.name, r.id`
)

// RunUseSQL is what an export of a provider ($1) reads of a month ($2 to $3; $4 NULL; $5 its first day), for who measures it beside a bare copy.
func (db *DB) RunUseSQL() string { return selectAccounts }

func eachRunUse(rows pgx.Rows, fn func(runUseRow) error) error {
	defer rows.Close()
	for rows.Next() {
		r, err := pgx.RowToStructByNameLax[runUseRow](rows)
		if err != nil {
			return err
		}
		if r.Minor != nil {
			r.RunUse.Cost = billing.Cost{Minor: *r.Minor, Currency: r.Currency}
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// runUseRow is a run's use as it is read.
type runUseRow struct {
	billing.RunUse
	PersonID   uuid.UUID // who launched it, where that is read
	PersonName string
	Minor      *int64 // cost; nil: no lot with a price paid
	Currency   billing.Currency
}

// accountTotals are the ledger's sums of a provider's accounts of a month by organization: what was used, less what corrections took back.
func accountTotals(ctx context.Context, q store.Queryer, providerID uuid.UUID, month billing.Month) ([]billing.UsageTotal, error) {
	rows, err := q.Query(ctx, `
		SELECT o.id, o.name, sum(t.hours)::bigint, coalesce(sum(t.cost), 0)::bigint, CASE WHEN sum(t.cost) IS NULL THEN '' ELSE min(p.currency) END
		  FROM wallets w
		  JOIN providers p ON p.id = w.provider_id
		  JOIN organizations o ON o.id = w.organization_id
		  JOIN ledger_entries e ON e.wallet_id = w.id AND e.period = $2::text::date AND e.kind IN ('use', 'correction')
		 CROSS JOIN LATERAL (
		   SELECT (SELECT sum(hours) FROM ledger_postings WHERE wallet_id = e.wallet_id AND seq = e.seq AND account = 'used') AS hours,
		          CASE e.kind WHEN 'use' THEN (SELECT sum(cost) FROM usage_lines WHERE wallet_id = e.wallet_id AND seq = e.seq)
		               ELSE (SELECT sum(amount) FROM money_postings WHERE wallet_id = e.wallet_id AND seq = e.seq AND account = 'deferred') END AS cost) t
		 WHERE w.provider_id = $1 AND t.hours IS NOT NULL
		 GROUP BY o.id ORDER BY o.name`, providerID, month.FirstDay())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, rowToUsageTotal)
}

func rowToUsageTotal(row pgx.CollectableRow) (billing.UsageTotal, error) {
	var t billing.UsageTotal
	err := row.Scan(&t.OrganizationID, &t.OrganizationName, &t.Hours, &t.Cost.Minor, &t.Cost.Currency)
	return t, err
}

// usageTotals are the ledger's sums of what ran in a provider's month by organization, of one or of all (Nil), less what
// corrections in the month's accounts took back.
func usageTotals(ctx context.Context, q store.Queryer, providerID, orgID uuid.UUID, month billing.Month, p billing.Period) ([]billing.UsageTotal, error) {
	rows, err := q.Query(ctx, `
		SELECT o.id, o.name, sum(t.hours)::bigint, coalesce(sum(t.cost), 0)::bigint,
		       CASE WHEN sum(t.cost) IS NULL THEN '' ELSE min(p.currency) END
		  FROM wallets w
		  JOIN providers p ON p.id = w.provider_id
		  JOIN organizations o ON o.id = w.organization_id
		  CROSS JOIN LATERAL (
		    SELECT (SELECT sum(hours) FROM ledger_postings WHERE wallet_id = e.wallet_id AND seq = e.seq AND account = 'used') AS hours,
		           (SELECT sum(cost) FROM usage_lines WHERE wallet_id = e.wallet_id AND seq = e.seq) AS cost
		      FROM ledger_entries e WHERE e.wallet_id = w.id AND e.kind = 'use' AND e.period_from >= $2 AND e.period_from < $3
		    UNION ALL
		    SELECT (SELECT sum(hours) FROM ledger_postings WHERE wallet_id = e.wallet_id AND seq = e.seq AND account = 'used'),
		           (SELECT sum(amount) FROM money_postings WHERE wallet_id = e.wallet_id AND seq = e.seq AND account = 'deferred')
		      FROM ledger_entries e WHERE e.wallet_id = w.id AND e.kind = 'correction' AND e.period = $5::text::date) t
		 WHERE w.provider_id = $1 AND ($4::uuid IS NULL OR w.organization_id = $4) AND t.hours IS NOT NULL
		 GROUP BY o.id ORDER BY o.name`, providerID, p.From, p.To, store.OrNull(orgID), month.FirstDay())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, rowToUsageTotal)
}
