package books

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/store"
)

// ExportScope says whose month an export is of: a provider's with all its organizations, an organization's with all its providers, or
// what the two have with each other. One of both is set.
type ExportScope struct {
	Provider     uuid.UUID
	Organization uuid.UUID
	Month        billing.Month // by each provider's accounting zone; of APEL in UTC
}

var errNobody = errors.New("an export of nobody")

func (s ExportScope) check() error {
	if s.Provider == uuid.Nil && s.Organization == uuid.Nil {
		return errNobody
	}
	return nil
}

// ExportFocus writes a dataset of FOCUS (billing.FocusCharges or FocusCommitments). Lines and totals are read in one snapshot. The file is
// good only where it returns nil: billing.ErrUntied and every other error leave one that is not whole.
func (db *DB) ExportFocus(ctx context.Context, s ExportScope, v billing.FocusVersion, dataset string, to billing.Book) error {
	w, err := billing.NewFocusWriter(to, v, dataset)
	if err != nil {
		return err
	}
	err = db.eachParty(ctx, s, func(tx pgx.Tx, p billing.FocusParty) error {
		w.Begin(p)
		if dataset == billing.FocusCommitments {
			return eachCommitment(ctx, tx, s, p, w.Commitment)
		}
		return exportCharges(ctx, tx, s, p, w)
	})
	if err != nil {
		return fmt.Errorf("export FOCUS %s of %s: %w", dataset, s.Month, err)
	}
	return w.Finish()
}

// KnownOf says what an export of a provider would know now.
func (db *DB) KnownOf(ctx context.Context, s ExportScope) (known billing.AsOf, err error) {
	err = db.eachParty(ctx, s, func(_ pgx.Tx, p billing.FocusParty) error {
		known = p.AsOf
		return nil
	})
	return known, err
}

func exportCharges(ctx context.Context, tx pgx.Tx, s ExportScope, p billing.FocusParty, w *billing.FocusWriter) error {
	if err := eachLotEntry(ctx, tx, s, p, w.Entry); err != nil {
		return err
	}
	if err := eachMoneyEntry(ctx, tx, s, p, w.Money); err != nil {
		return err
	}
	if err := eachLotUse(ctx, tx, s, p, w.Use); err != nil {
		return err
	}
	totals, err := usageTotals(ctx, tx, p.ProviderID, s.Organization, s.Month, p.Period)
	if err != nil {
		return err
	}
	return w.Tie(totals)
}

// eachParty calls fn for each provider of a scope, all in one snapshot: booking goes on meanwhile.
func (db *DB) eachParty(ctx context.Context, s ExportScope, fn func(pgx.Tx, billing.FocusParty) error) error {
	if err := s.check(); err != nil {
		return err
	}
	return db.core.LongSnapshot(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			SELECT p.id, p.name, coalesce(nullif(p.legal_name, ''), p.name), p.currency, p.accounting_zone FROM providers p
			 WHERE ($1::uuid IS NULL OR p.id = $1)
			   AND ($2::uuid IS NULL OR EXISTS (SELECT FROM wallets w WHERE w.provider_id = p.id AND w.organization_id = $2))
			 ORDER BY p.name, p.id`, store.OrNull(s.Provider), store.OrNull(s.Organization))
		type row struct {
			ID           uuid.UUID
			Name, Issuer string
			Currency     billing.Currency
			Zone         string
		}
		providers, err := store.All(rows, "providers of an export", pgx.RowToStructByPos[row])
		if err != nil {
			return err
		}
		for _, r := range providers {
			zone, err := time.LoadLocation(r.Zone)
			if err != nil {
				return fmt.Errorf("accounting zone %q: %w", r.Zone, err)
			}
			p := billing.FocusParty{ProviderID: r.ID, Provider: r.Name, Issuer: r.Issuer, Currency: r.Currency, Month: s.Month, Zone: zone, Period: s.Month.Period(zone)}
			if p.AsOf, err = asOf(ctx, tx, p.ProviderID, s.Organization); err != nil {
				return err
			}
			if err := fn(tx, p); err != nil {
				return fmt.Errorf("of provider %s: %w", r.ID, err)
			}
		}
		return nil
	})
}

// selectFocusLot reads a lot (l) with its order, price and invoice, for focusLotInto.
const (
	selectFocusLot = `
		l.id, o.id, o.name, coalesce(x.number, 0), coalesce(f.id::text, ''), coalesce(f.name, ''), l.purpose, coalesce(x.price_id::text, ''), coalesce(q.price, 0),
		coalesce(lp.name, ''), l.created_at, l.expires_at, l.bought, l.used, l.expired + l.refunded, coalesce(l.amount, 0), coalesce(i.number, ''), coalesce(il.number, 0),
		coalesce(x.purchase_order, ''), coalesce(x.cost_centre, ''), coalesce(x.grant_number, '')`
	joinFocusLot = `
		  JOIN wallets w ON w.id = l.wallet_id
		  JOIN organizations o ON o.id = w.organization_id
		  LEFT JOIN orders x ON x.id = l.order_id
		  LEFT JOIN offers f ON f.id = x.offer_id
		  LEFT JOIN offer_prices q ON q.id = x.price_id
		  LEFT JOIN pools lp ON lp.id = l.pool_id
		  LEFT JOIN invoice_lines il ON il.order_id = x.id
		  LEFT JOIN invoices i ON i.id = il.invoice_id`
)

// focusLotInto are where the columns of selectFocusLot go; the expiry is set by the function that it returns, after the scan.
func focusLotInto(l *billing.FocusLot) (into []any, done func()) {
	var expires *time.Time
	return []any{
		&l.ID, &l.OrganizationID, &l.Organization, &l.Order, &l.Offer, &l.OfferName, &l.Purpose, &l.PriceID, &l.Price,
		&l.Pool, &l.MadeAt, &expires, &l.Bought, &l.Used, &l.Gone, &l.Amount, &l.Invoice, &l.InvoiceLine, &l.PurchaseOrder, &l.CostCentre, &l.GrantNumber,
	}, func() { l.ExpiresAt = orZero(expires) }
}

// eachRow scans each row of a query into what into gives, and calls fn behind it.
func eachRow(rows pgx.Rows, err error, into []any, fn func() error) error {
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, into, fn)
	return err
}

// eachCommitment streams the lots whose term reaches into the month.
func eachCommitment(ctx context.Context, tx pgx.Tx, s ExportScope, p billing.FocusParty, fn func(billing.FocusLot) error) error {
	rows, err := tx.Query(ctx, `SELECT`+selectFocusLot+` FROM lots l`+joinFocusLot+`
		 WHERE w.provider_id = $1 AND ($2::uuid IS NULL OR w.organization_id = $2) AND l.created_at < $4
		   AND (l.expires_at IS NULL OR l.expires_at >= $3 OR EXISTS (
		     SELECT FROM ledger_postings t JOIN ledger_entries e USING (wallet_id, seq) WHERE t.lot_id = l.id AND e.period = $5::text::date))
		 ORDER BY o.name, l.created_at, l.id`, p.ProviderID, store.OrNull(s.Organization), p.Period.From, p.Period.To, s.Month.FirstDay())
	var l billing.FocusLot
	into, done := focusLotInto(&l)
	return eachRow(rows, err, into, func() error { done(); return fn(l) })
}

// eachLotUse streams what each lot paid of each run in the month.
func eachLotUse(ctx context.Context, tx pgx.Tx, s ExportScope, p billing.FocusParty, fn func(billing.FocusUse) error) error {
	rows, err := tx.Query(ctx, `
		SELECT n.id, n.name, c.id, c.name, k.name, k.location, n.shape_name, n.vcpus, n.memory_mib, u.from_at, u.to_at, u.hours, coalesce(u.cost, 0),
		       c.purchase_order, c.cost_centre, c.grant_number,`+selectFocusLot+`
		  FROM (SELECT l.run_id, l.lot_id, min(l.from_at) AS from_at, max(l.to_at) AS to_at, sum(l.hours)::bigint AS hours, sum(l.cost)::bigint AS cost
		          FROM usage_lines l JOIN wallets w ON w.id = l.wallet_id
		         WHERE w.provider_id = $1 AND ($2::uuid IS NULL OR w.organization_id = $2) AND l.from_at >= $3 AND l.from_at < $4
		         GROUP BY l.run_id, l.lot_id) u
		  JOIN runs r ON r.id = u.run_id
		  JOIN nodes n ON n.id = r.node_id
		  JOIN clusters c ON c.id = r.cluster_id
		  JOIN pools k ON k.id = c.pool_id
		  JOIN lots l ON l.id = u.lot_id`+joinFocusLot+`
		 ORDER BY o.name, c.created_at, c.id, u.from_at, n.name, r.id, l.id`, p.ProviderID, store.OrNull(s.Organization), p.Period.From, p.Period.To)
	var u billing.FocusUse
	lot, done := focusLotInto(&u.FocusLot)
	into := append([]any{
		&u.NodeID, &u.Node, &u.ClusterID, &u.Cluster, &u.Pool, &u.Location, &u.Shape, &u.VCPUs, &u.MemoryMiB, &u.From, &u.To, &u.Hours, &u.Cost,
		&u.PurchaseOrder, &u.CostCentre, &u.Grant,
	}, lot...)
	return eachRow(rows, err, into, func() error { done(); return fn(u) })
}

// eachLotEntry streams what entries of the month's accounts moved on lots, but for uses, holds and releases. What went without use
// before the journal had money has no posting: it is worth what is above it, by the rule that the opening followed, too.
func eachLotEntry(ctx context.Context, tx pgx.Tx, s ExportScope, p billing.FocusParty, fn func(billing.FocusEntry) error) error {
	rows, err := tx.Query(ctx, `
		SELECT e.seq, e.kind, t.account, CASE WHEN e.kind = 'expire' AND l.expires_at < e.at THEN l.expires_at ELSE e.at END, t.hours,
		       CASE WHEN e.version > 1 THEN coalesce(d.amount, 0) WHEN t.account = 'bought' THEN -coalesce(l.amount, 0)
		            ELSE coalesce(share_of(l.amount, l.bought - t.before, l.bought) - share_of(l.amount, l.bought - t.before - t.hours, l.bought), 0) END,
		       coalesce(e.corrects, 0), to_char(CASE WHEN e.kind = 'credit_note' THEN g.period ELSE y.period END, 'YYYY-MM'), y.period_from, y.period_to,`+selectFocusLot+`
		  FROM wallets v
		  JOIN ledger_entries e ON e.wallet_id = v.id AND e.kind NOT IN ('use', 'hold', 'release') AND e.period = $3::text::date
		  CROSS JOIN LATERAL (
		    SELECT lot_id, account, sum(hours)::bigint AS hours,
		           (SELECT coalesce(sum(b.hours), 0)::bigint FROM ledger_postings b WHERE b.lot_id = a.lot_id AND b.seq < e.seq AND b.account IN ('expired', 'refunded')) AS before
		      FROM ledger_postings a WHERE a.wallet_id = e.wallet_id AND a.seq = e.seq AND a.account IN ('bought', 'used', 'expired', 'refunded') GROUP BY lot_id, account) t
		  LEFT JOIN LATERAL (SELECT sum(amount)::bigint AS amount FROM money_postings WHERE wallet_id = e.wallet_id AND seq = e.seq AND account = 'deferred' AND lot_id = t.lot_id) d ON true
		  LEFT JOIN ledger_entries y ON y.wallet_id = e.wallet_id AND y.seq = e.corrects
		  LEFT JOIN ledger_entries g ON g.key = 'grant:' || t.lot_id
		  JOIN lots l ON l.id = t.lot_id`+joinFocusLot+`
		 WHERE v.provider_id = $1 AND ($2::uuid IS NULL OR v.organization_id = $2)
		 ORDER BY o.name, o.id, e.seq, l.id, t.account`, p.ProviderID, store.OrNull(s.Organization), s.Month.FirstDay())
	var e billing.FocusEntry
	var corrected *string
	var from, to *time.Time
	lot, done := focusLotInto(&e.FocusLot)
	into := append([]any{&e.Seq, &e.Kind, &e.Account, &e.At, &e.Hours, &e.Deferred, &e.Corrects, &corrected, &from, &to}, lot...)
	return eachRow(rows, err, into, func() error {
		done()
		e.Corrected, e.Since = billing.Month{}, billing.Period{From: orZero(from), To: orZero(to)}
		if corrected != nil {
			m, err := billing.ParseMonth(*corrected)
			if err != nil {
				return err
			}
			e.Corrected = m
		}
		return fn(e)
	})
}

// eachMoneyEntry streams the amounts of the month's accounts that are of no lot: tax, debts that are let go, goodwill, and their corrections.
func eachMoneyEntry(ctx context.Context, tx pgx.Tx, s ExportScope, p billing.FocusParty, fn func(billing.FocusMoney) error) error {
	rows, err := tx.Query(ctx, `
		SELECT o.id, o.name, e.seq, coalesce(y.kind, e.kind), t.tax, e.at, t.amount, coalesce(i.number, ''), coalesce(e.corrects, 0)
		  FROM wallets w
		  JOIN organizations o ON o.id = w.organization_id
		  JOIN ledger_entries e ON e.wallet_id = w.id AND e.kind NOT IN ('use', 'hold', 'release') AND e.period = $3::text::date
		  LEFT JOIN ledger_entries y ON y.wallet_id = e.wallet_id AND y.seq = e.corrects
		  CROSS JOIN LATERAL (
		    SELECT m.account = 'tax' AS tax, CASE WHEN m.account = 'tax' THEN -sum(m.amount) ELSE sum(m.amount) END::bigint AS amount
		      FROM money_postings m WHERE m.wallet_id = e.wallet_id AND m.seq = e.seq
		       AND (m.account = 'tax' AND coalesce(y.kind, e.kind) IN ('grant', 'credit_note')
		         OR m.account = 'receivable' AND coalesce(y.kind, e.kind) = 'write_off' OR m.account = 'credit' AND coalesce(y.kind, e.kind) = 'goodwill')
		     GROUP BY m.account) t
		  LEFT JOIN ledger_facts a ON a.wallet_id = e.wallet_id AND a.seq = e.seq AND a.what = 'invoice' AND e.kind = 'grant'
		  LEFT JOIN invoices i ON i.id = a.subject_id
		 WHERE w.provider_id = $1 AND ($2::uuid IS NULL OR w.organization_id = $2)
		 ORDER BY o.name, o.id, e.seq`, p.ProviderID, store.OrNull(s.Organization), s.Month.FirstDay())
	var m billing.FocusMoney
	into := []any{&m.OrganizationID, &m.Organization, &m.Seq, &m.Kind, &m.Tax, &m.At, &m.Amount, &m.Invoice, &m.Corrects}
	return eachRow(rows, err, into, func() error { return fn(m) })
}
