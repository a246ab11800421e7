package books

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// verifyMoney compares what accounts moved with what payments say, and what is kept of invoices and of the journal's debt and credit with
// what it follows from.
func verifyMoney(ctx context.Context, tx pgx.Tx, w wallet, audit *billing.Audit, report *LedgerReport) error {
	if report.Difference = audit.CompareMoney(report.terms); report.Difference != nil {
		return nil //nolint:nilerr // what was found is the report
	}
	var number string
	var settled, kept int64
	err := tx.QueryRow(ctx, `
		SELECT number, settled, kept FROM (
			SELECT i.number, coalesce(b.paid + b.credited, -1) AS kept,
			       (coalesce((SELECT sum(a.amount) FROM payment_allocations a WHERE a.invoice_id = i.id), 0)
			        + coalesce((SELECT sum(c.off) FROM credit_notes c WHERE c.invoice_id = i.id), 0))::bigint AS settled,
			       b.total = i.net + i.tax AND i.tax = (SELECT coalesce(sum(t.amount), 0) FROM invoice_taxes t WHERE t.invoice_id = i.id)
			       AND b.due_on IS NOT DISTINCT FROM i.due_on AND (b.provider_id, b.organization_id, b.currency) = (i.provider_id, i.organization_id, i.currency)
			       AND NOT EXISTS (SELECT 1 FROM credit_notes c WHERE c.invoice_id = i.id AND c.tax <> (SELECT coalesce(sum(t.amount), 0) FROM credit_note_taxes t WHERE t.credit_note_id = c.id)) AS same
			  FROM invoices i LEFT JOIN invoice_balances b ON b.invoice_id = i.id WHERE i.provider_id = $1 AND i.organization_id = $2) x
		 WHERE settled <> kept OR same IS NOT TRUE ORDER BY number LIMIT 1`, w.ProviderID, w.OrganizationID).Scan(&number, &settled, &kept)
	switch {
	case err == nil:
		report.Difference = differs(w, "what the row says is settled of invoice "+number+" in minor units", settled, kept)
		return nil
	case !errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("balances of invoices: %w", err)
	}
	rows, err := tx.Query(ctx, `SELECT currency, receivable, credit FROM wallet_money WHERE wallet_id = $1 ORDER BY currency`, w.ID)
	if err != nil {
		return err
	}
	var c billing.Currency
	var receivable, credit int64
	_, err = pgx.ForEachRow(rows, []any{&c, &receivable, &credit}, func() error {
		wantReceivable, wantCredit := audit.Owes(c)
		if report.Difference == nil && (receivable != wantReceivable || credit != wantCredit) {
			report.Difference = differs(w, "what the row says is owed and credit in minor units of "+string(c), fmt.Sprint(wantReceivable, wantCredit), fmt.Sprint(receivable, credit))
		}
		return nil
	})
	return err
}
