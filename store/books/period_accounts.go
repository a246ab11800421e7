package books

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// What a provider's accounts held before a month: as they were when the month before was closed, and what was moved in open months since. $1 is the
// provider, $2 the month. Nothing here reads more than the open months, however old the books are.
const (
	lastClosed = `
		WITH closed AS (SELECT coalesce(max(month), '-infinity') AS month FROM periods WHERE provider_id = $1 AND closed_at IS NOT NULL AND month < $2::text::date),
		moved AS (
			SELECT e.wallet_id, e.seq, e.period, e.kind, coalesce(y.kind, e.kind) AS of_kind, m.account, m.lot_id, m.currency, m.amount
			  FROM wallets w
			  JOIN ledger_entries e ON e.wallet_id = w.id AND e.period > (SELECT month FROM closed) AND e.period <= $2::text::date
			  JOIN money_postings m ON m.wallet_id = e.wallet_id AND m.seq = e.seq
			  LEFT JOIN ledger_entries y ON y.wallet_id = e.wallet_id AND y.seq = e.corrects
			 WHERE w.provider_id = $1),
		kept AS (SELECT b.* FROM period_balances b WHERE b.provider_id = $1 AND b.month = (SELECT month FROM closed)),
		since AS (
			SELECT m.lot_id, sum(m.amount) AS amount
			  FROM wallets w
			  JOIN ledger_entries e ON e.wallet_id = w.id AND e.period > $2::text::date
			  JOIN money_postings m ON m.wallet_id = e.wallet_id AND m.seq = e.seq AND m.account = 'deferred'
			 WHERE w.provider_id = $1 GROUP BY m.lot_id)`
)

// writeTrialBalance writes the sums of a provider's accounts, in the order of the chart.
func writeTrialBalance(ctx context.Context, tx pgx.Tx, a accounts, to billing.Book) error {
	rows, _ := tx.Query(ctx, lastClosed+`
		SELECT t.account, coalesce(c.code, ''), t.currency, sum(t.opening)::bigint, sum(t.debit)::bigint, sum(t.credit)::bigint
		  FROM (SELECT account, currency, amount AS opening, 0 AS debit, 0 AS credit FROM kept
		        UNION ALL SELECT account, currency, amount, 0, 0 FROM moved WHERE period < $2::text::date
		        UNION ALL SELECT account, currency, 0, greatest(amount, 0), greatest(-amount, 0) FROM moved WHERE period = $2::text::date) t
		  LEFT JOIN account_codes c ON c.provider_id = $1 AND c.account = t.account
		 GROUP BY t.account, c.code, t.currency
		 ORDER BY t.currency, array_position(ARRAY['receivable', 'bank', 'credit', 'deferred', 'revenue', 'breakage', 'tax', 'goodwill', 'rounding'], t.account)`,
		a.providerID, a.month.FirstDay())
	sums, err := store.All(rows, "sums of accounts", pgx.RowToStructByPos[billing.AccountSum])
	if err != nil {
		return err
	}
	return billing.WriteTrialBalance(to, a.period, a.known, sums)
}

// writeRollForward writes what became of each sold lot that had something deferred. What the lots say now, less what later months moved, has to be
// what the rows come to.
func writeRollForward(ctx context.Context, tx pgx.Tx, a accounts, to billing.Book) error {
	w, err := billing.NewRollForward(to, a.period, a.known)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, lastClosed+`,
		rolls AS (
			SELECT lot_id, currency, sum(opening)::bigint AS opening, sum(sold)::bigint AS sold, sum(used)::bigint AS used, sum(expired)::bigint AS expired,
			       sum(refunded)::bigint AS refunded, sum(deferred)::bigint AS deferred
			  FROM (SELECT lot_id, currency, -amount AS opening, 0 AS sold, 0 AS used, 0 AS expired, 0 AS refunded, -amount AS deferred FROM kept WHERE account = 'deferred'
			        UNION ALL SELECT lot_id, currency, -amount, 0, 0, 0, 0, -amount FROM moved WHERE account = 'deferred' AND period < $2::text::date
			        UNION ALL SELECT lot_id, currency, 0, CASE WHEN account = 'deferred' AND of_kind IN ('grant', 'opening') THEN -amount ELSE 0 END,
			               CASE WHEN account = 'revenue' AND of_kind <> 'opening' THEN -amount ELSE 0 END,
			               CASE WHEN account = 'breakage' AND of_kind <> 'opening' THEN -amount ELSE 0 END,
			               CASE WHEN account = 'deferred' AND of_kind = 'credit_note' THEN amount ELSE 0 END,
			               CASE WHEN account = 'deferred' THEN -amount ELSE 0 END
			          FROM moved WHERE lot_id IS NOT NULL AND period = $2::text::date) p
			 GROUP BY lot_id, currency)
		SELECT o.id, o.name, l.id, coalesce(x.number, 0), r.currency, r.opening, r.sold, r.used, r.expired, r.refunded, r.deferred,
		       (l.deferred + coalesce(s.amount, 0))::bigint
		  FROM rolls r JOIN lots l ON l.id = r.lot_id LEFT JOIN since s ON s.lot_id = l.id JOIN wallets w ON w.id = l.wallet_id JOIN organizations o ON o.id = w.organization_id
		  LEFT JOIN orders x ON x.id = l.order_id
		 WHERE w.provider_id = $1 ORDER BY o.name, o.id, l.id`, a.providerID, a.month.FirstDay())
	var l billing.LotRoll
	err = eachRow(rows, err, []any{
		&l.OrganizationID, &l.OrganizationName, &l.LotID, &l.Order, &l.Currency, &l.Opening, &l.Sold, &l.Used, &l.Expired, &l.Refunded, &l.Closed, &l.Left,
	}, func() error { return w.Lot(l) })
	if err != nil {
		return err
	}
	all, _ := tx.Query(ctx, lastClosed+`
		SELECT sum(l.deferred + coalesce(s.amount, 0))::bigint, l.currency
		  FROM wallets w JOIN lots l ON l.wallet_id = w.id LEFT JOIN since s ON s.lot_id = l.id
		 WHERE w.provider_id = $1 AND l.amount IS NOT NULL AND (l.deferred <> 0 OR s.amount <> 0)
		 GROUP BY l.currency ORDER BY l.currency`, a.providerID, a.month.FirstDay())
	lots, err := store.All(all, "what lots have deferred", pgx.RowToStructByPos[billing.Money])
	if err != nil {
		return err
	}
	return w.Finish(lots)
}

// writeJournal writes the month's postings of money by journal and entry.
func writeJournal(ctx context.Context, tx pgx.Tx, a accounts, to billing.Book) error {
	w, err := billing.NewJournalWriter(to, a.month, a.known)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		SELECT e.accounting_date, e.at, o.id, o.name, e.seq, e.kind, m.account, coalesce(c.code, ''), m.lot_id, coalesce(i.number, ''), m.amount, m.currency, e.hash
		  FROM wallets w
		  JOIN organizations o ON o.id = w.organization_id
		  JOIN ledger_entries e ON e.wallet_id = w.id AND e.period = $2::text::date
		  JOIN money_postings m ON m.wallet_id = e.wallet_id AND m.seq = e.seq
		  LEFT JOIN account_codes c ON c.provider_id = w.provider_id AND c.account = m.account
		  LEFT JOIN ledger_facts f ON f.wallet_id = e.wallet_id AND f.seq = e.seq AND f.what = 'invoice' AND e.kind = 'grant'
		  LEFT JOIN invoices i ON i.id = f.subject_id
		 WHERE w.provider_id = $1 ORDER BY e.accounting_date, o.name, o.id, e.seq, m.number`, a.providerID, a.month.FirstDay())
	var l billing.JournalLine
	var date time.Time
	var lot *uuid.UUID
	var hash []byte
	err = eachRow(rows, err, []any{
		&date, &l.BookedAt, &l.OrganizationID, &l.OrganizationName, &l.Seq, &l.Kind, &l.Account, &l.Code, &lot, &l.Invoice, &l.Amount.Minor, &l.Amount.Currency, &hash,
	}, func() error {
		l.Date, l.LotID = typed.DayOf(date, time.UTC), uuid.Nil
		if lot != nil {
			l.LotID = *lot
		}
		copy(l.Hash[:], hash)
		return w.Line(l)
	})
	if err != nil {
		return err
	}
	return w.Finish()
}

// writeHeadMarks writes the heads of all the provider's journals, as volary ledger verify --statement reads them.
func writeHeadMarks(ctx context.Context, tx pgx.Tx, a accounts, to io.Writer) error {
	rows, err := tx.Query(ctx, `
		SELECT w.organization_id, h.seq, h.hash FROM wallets w JOIN journal_heads h ON h.wallet_id = w.id
		 WHERE w.provider_id = $1 AND h.seq > 0 ORDER BY w.id`, a.providerID)
	head := billing.Head{Journal: billing.Journal{ProviderID: a.providerID}}
	var hash []byte
	return eachRow(rows, err, []any{&head.Journal.OrganizationID, &head.Seq, &hash}, func() error {
		copy(head.Hash[:], hash)
		_, err := fmt.Fprintln(to, head.Mark())
		return err
	})
}

// keepBalances writes down what each account held when a month was closed.
func keepBalances(ctx context.Context, tx pgx.Tx, a accounts) error {
	_, err := tx.Exec(ctx, lastClosed+`
		INSERT INTO period_balances (provider_id, month, wallet_id, account, lot_id, currency, amount)
		SELECT $1, $2::text::date, wallet_id, account, lot_id, currency, sum(amount)::bigint
		  FROM (SELECT wallet_id, account, lot_id, currency, amount FROM kept
		        UNION ALL SELECT wallet_id, account, CASE WHEN account = 'deferred' THEN lot_id END, currency, amount FROM moved) t
		 GROUP BY wallet_id, account, lot_id, currency HAVING sum(amount) <> 0`, a.providerID, a.month.FirstDay())
	if err != nil {
		return fmt.Errorf("keep balances: %w", err)
	}
	return nil
}
