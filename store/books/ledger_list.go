package books

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// LedgerRow is one entry of one of an organization's journals, as a page lists it.
type LedgerRow struct {
	ProviderID   uuid.UUID
	ProviderName string
	Seq          int64
	Kind         billing.Kind
	At           time.Time
	Hours        billing.Hours // that the entry moved
	Balance      billing.Hours // that could be used right after it
	PeriodFrom   *time.Time    // of a use
	PeriodTo     *time.Time
	Clusters     []string // names of those it is about
	OrderNumber  *int64   // of a lot that was bought; nil with KindGrant: a grant
	Purpose      string   // of a grant
	Hash         string   // lower-case hex
}

// LedgerFilter narrows and orders an organization's entries by at or hours.
type LedgerFilter struct {
	Page     store.Page
	Sort     store.Sorting
	Provider uuid.UUID    // Nil: all
	Kind     billing.Kind // empty: all
	Days     store.Days   // booked on
	Cluster  string       // a part of the name of one it is about
}

// LedgerSum is what entries of a kind moved.
type LedgerSum struct {
	Kind  billing.Kind
	Count int
	Hours billing.Hours
}

const ledgerOfOrganization = `
	  FROM ledger_entries e
	  JOIN wallets w ON w.id = e.wallet_id
	  JOIN providers p ON p.id = w.provider_id
	  JOIN LATERAL (
	    SELECT coalesce(sum(t.hours) FILTER (WHERE t.hours > 0), 0)::bigint AS hours, (array_agg(t.lot_id))[1] AS lot_id,
	           coalesce(array_agg(DISTINCT c.name::text ORDER BY c.name::text) FILTER (WHERE c.id IS NOT NULL), '{}') AS clusters
	      FROM ledger_postings t LEFT JOIN clusters c ON c.id = t.cluster_id
	     WHERE t.wallet_id = e.wallet_id AND t.seq = e.seq) s ON true
	 WHERE w.organization_id = $1 AND ($2::uuid IS NULL OR w.provider_id = $2) AND ($3 = '' OR e.kind = $3)
	   AND ($4::text IS NULL OR (e.at AT TIME ZONE p.accounting_zone)::date >= $4::text::date)
	   AND ($5::text IS NULL OR (e.at AT TIME ZONE p.accounting_zone)::date <= $5::text::date)
	   AND ($6 = '' OR EXISTS (SELECT FROM ledger_postings t JOIN clusters c ON c.id = t.cluster_id
	                            WHERE t.wallet_id = e.wallet_id AND t.seq = e.seq AND c.name ILIKE $7))`

// LedgerEntries gives a page of the organization's entries, provider by provider and the newest of each first, and what the
// entries that the filter leaves sum to, by kind.
func (db *DB) LedgerEntries(ctx context.Context, orgID uuid.UUID, f LedgerFilter) (entries []LedgerRow, sums []LedgerSum, err error) {
	// One snapshot: a balance follows from the lots and all entries since.
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		args := []any{orgID, store.OrNull(f.Provider), string(f.Kind), store.OrNoDay(f.Days.Since), store.OrNoDay(f.Days.Until), f.Cluster, store.Like(f.Cluster)}
		if entries, err = readLedger(ctx, tx, f, args); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, `SELECT e.kind, count(*), sum(s.hours)::bigint`+ledgerOfOrganization+` GROUP BY e.kind ORDER BY e.kind`, args...)
		sums, err = store.All(rows, "sums of the ledger", pgx.RowToStructByPos[LedgerSum])
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("ledger of %s: %w", orgID, err)
	}
	return entries, sums, nil
}

// readLedger reads a page. Its balances are what the lots have now, without what was moved after each entry: what has to be
// read of a journal is what is newer than the page.
func readLedger(ctx context.Context, tx pgx.Tx, f LedgerFilter, args []any) ([]LedgerRow, error) {
	order := store.Sortable{"at": "e.seq", "hours": "s.hours"}.OrderBy(f.Sort, "e.seq DESC")
	order = " ORDER BY p.name, e.wallet_id," + strings.TrimPrefix(order, " ORDER BY")
	rows, _ := tx.Query(ctx, `
		WITH shown AS (
			SELECT e.wallet_id, w.provider_id, p.name AS provider_name, e.seq, e.kind, e.at, s.hours, e.period_from, e.period_to, s.clusters,
			       encode(e.hash, 'hex') AS hash, CASE WHEN e.kind = 'grant' THEN s.lot_id END AS lot_id,
			       row_number() OVER (`+order+`) AS place`+ledgerOfOrganization+order+` LIMIT $8 OFFSET $9
		), moved AS (
			SELECT t.wallet_id, t.seq, sum(t.hours) FILTER (WHERE t.account = 'available') AS hours
			  FROM (SELECT wallet_id, min(seq) AS seq FROM shown GROUP BY wallet_id) x
			  JOIN ledger_postings t ON t.wallet_id = x.wallet_id AND t.seq >= x.seq GROUP BY t.wallet_id, t.seq
		), since AS (
			SELECT wallet_id, seq, sum(hours) OVER (PARTITION BY wallet_id ORDER BY seq DESC) - coalesce(hours, 0) AS hours FROM moved
		)
		SELECT x.provider_id, x.provider_name, x.seq, x.kind, x.at, x.hours, x.period_from, x.period_to, x.clusters, x.hash,
		       r.number AS order_number, coalesce(l.purpose, '') AS purpose,
		       (coalesce((SELECT sum(available) FROM lots WHERE wallet_id = x.wallet_id), 0) - coalesce(i.hours, 0))::bigint AS balance
		  FROM shown x
		  LEFT JOIN since i ON i.wallet_id = x.wallet_id AND i.seq = x.seq
		  LEFT JOIN lots l ON l.id = x.lot_id LEFT JOIN orders r ON r.id = l.order_id ORDER BY x.place`,
		append(args, f.Page.Most(), f.Page.Skip())...)
	return store.All(rows, "entries", pgx.RowToStructByName[LedgerRow])
}
