package books

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// NewCreditNote takes back hours of a line of an invoice.
type NewCreditNote struct {
	InvoiceID uuid.UUID
	Line      int
	Hours     billing.Hours
	Reason    string // 1 to 500 characters, which are printed
}

// IssueCreditNote takes back hours that are neither used, set aside nor expired, and what was paid for them: that lowers what is left to pay of
// the invoice, and the rest is the organization's credit. Refusals: "invalid" by field (hours, reason), "nothing_left", "too_many" with what
// became of the hours, "no_prefix", NotFound("invoice").
func (db *DB) IssueCreditNote(ctx context.Context, by, providerID uuid.UUID, n NewCreditNote) (id uuid.UUID, err error) {
	n.Reason = strings.TrimSpace(n.Reason)
	f := store.Fields{}
	f.Length("reason", n.Reason, 1, 500)
	if err := n.Hours.CheckAmount(); err != nil {
		f.Add("hours", "This is %s.", err)
	}
	if err := f.Refusal(); err != nil {
		return uuid.Nil, err
	}
	if id, err = store.NewID(); err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		var org uuid.UUID
		err := tx.QueryRow(ctx, `SELECT organization_id FROM invoices WHERE id = $1 AND provider_id = $2`, n.InvoiceID, providerID).Scan(&org)
		if err := store.Found(err, "invoice"); err != nil {
			return err
		}
		w, _, err := customer(ctx, tx, providerID, org)
		if err != nil {
			return err
		}
		now, err := store.ReadNow(ctx, tx)
		if err != nil {
			return err
		}
		l, err := n.lockLine(ctx, tx, w, now)
		if err != nil {
			return err
		}
		note, err := n.write(ctx, tx, w, l, id, by, now)
		if err != nil {
			return err
		}
		d, err := billing.TakeBack(note, by, now)
		if err != nil {
			return err
		}
		if err := book(ctx, tx, w, []booking{{Draft: d}}); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: org, Provider: providerID, Verb: "issue credit note", Subject: "credit_note", SubjectID: id,
			Detail: map[string]any{"number": note.Number, "mcs": n.Hours, "amount": note.Net.String(), "reason": n.Reason},
		})
	})
}

// creditedLine is a line of an invoice of which hours are taken back.
type creditedLine struct {
	lotRow
	InvoiceNumber string
	OrderNumber   int64
	Held          billing.Hours
	Open          int64 // left to pay of the invoice
	Description   string
	TaxCategory   billing.TaxCategory // empty: of before tax was computed
	TaxRate       int64
	TaxReason     string
	TakenBack     int64         // by credit notes before, of what is taxed at the rate
	worth         billing.Money // of the hours
}

// tax is the difference of the tax on all that was taken back at the line's rate, with this and without.
func (l creditedLine) tax() int64 {
	t := billing.Taxing{Category: l.TaxCategory, Rate: l.TaxRate}
	return t.On(l.TakenBack+l.worth.Minor) - t.On(l.TakenBack)
}

// lockLine locks the line's lot, behind the wallet, and refuses what it has not.
func (n NewCreditNote) lockLine(ctx context.Context, tx pgx.Tx, w wallet, now time.Time) (creditedLine, error) {
	rows, _ := tx.Query(ctx, `
		SELECT l.id, l.expires_at, l.pool_id, l.bought, l.available, l.used, l.expired, l.refunded, l.amount, l.currency, i.number AS invoice_number, r.number AS order_number,
		       l.held, b.open, n.description, coalesce(n.tax_category, '') AS tax_category, coalesce(n.tax_rate, 0) AS tax_rate, coalesce(t.reason, '') AS tax_reason,
		       coalesce((SELECT sum(x.base) FROM credit_note_taxes x JOIN credit_notes c ON c.id = x.credit_note_id
		                  WHERE c.invoice_id = i.id AND x.category = n.tax_category AND x.rate = n.tax_rate), 0)::bigint AS taken_back
		  FROM invoice_lines n JOIN invoices i ON i.id = n.invoice_id JOIN invoice_balances b ON b.invoice_id = i.id JOIN orders r ON r.id = n.order_id
		  JOIN lots l ON l.order_id = n.order_id
		  LEFT JOIN invoice_taxes t ON t.invoice_id = i.id AND t.category = n.tax_category AND t.rate = n.tax_rate
		 WHERE n.invoice_id = $1 AND n.number = $2 AND l.wallet_id = $3 FOR NO KEY UPDATE OF l`, n.InvoiceID, n.Line, w.ID)
	l, err := store.One(rows, "line of the invoice", pgx.RowToStructByName[creditedLine])
	if err != nil {
		return l, err
	}
	became := fmt.Sprintf("Of the %s compute hours of order %d, %s are used, %s set aside, %s expired and %s taken back already",
		l.Bought.Ceil(), l.OrderNumber, l.Used.Ceil(), l.Held.Ceil(), l.Expired.Ceil(), l.Refunded.Ceil())
	switch {
	case l.lot().Expired(now):
		return l, &refusal.Error{
			Code: "nothing_left", Title: fmt.Sprintf("The compute hours of order %d expired on %s.", l.OrderNumber, store.SentenceTime(*l.ExpiresAt)),
			Next: "What expired is not taken back.", Fields: map[string]string{"hours": became + "."},
		}
	case l.Available == 0:
		return l, &refusal.Error{Code: "nothing_left", Title: became + ": none is left.", Next: "What is set aside comes back when its cluster is deleted."}
	case n.Hours > l.Available:
		title := fmt.Sprintf("%s: %s are left, and %s were to be taken back.", became, l.Available.String(), n.Hours)
		return l, &refusal.Error{
			Code: "too_many", Title: title, Next: fmt.Sprintf("Take back %s or fewer.", l.Available), Fields: map[string]string{"hours": title},
		}
	}
	parts := l.parts()
	l.worth, err = parts.Go(n.Hours)
	return l, err
}

// write numbers the credit note and writes it down, and reads it back. The number is locked behind wallet and lot, and before the head.
func (n NewCreditNote) write(ctx context.Context, tx pgx.Tx, w wallet, l creditedLine, id, by uuid.UUID, now time.Time) (billing.CreditNote, error) {
	zone, err := w.zone()
	if err != nil {
		return billing.CreditNote{}, err
	}
	p, err := readParties(ctx, tx, w.ProviderID, w.OrganizationID)
	if err != nil {
		return billing.CreditNote{}, err
	}
	year := now.In(zone).Year()
	var serial int
	err = tx.QueryRow(ctx, `
		INSERT INTO credit_note_numbers (provider_id, year, last) VALUES ($1, $2, 1)
		ON CONFLICT (provider_id, year) DO UPDATE SET last = credit_note_numbers.last + 1 RETURNING last`, w.ProviderID, year).Scan(&serial)
	if err != nil {
		return billing.CreditNote{}, fmt.Errorf("number of a credit note: %w", err)
	}
	number := billing.CreditNoteNumber(*p.Prefix, year, serial)
	batch := &pgx.Batch{}
	batch.Queue(`
		INSERT INTO credit_notes (id, provider_id, organization_id, invoice_id, year, serial, number, seller, tax_id, buyer, printed, reason, net, off, currency, issued_by, tax, issued_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
		        greatest($18, (SELECT issued_at + interval '1 microsecond' FROM credit_notes WHERE provider_id = $2 AND year = $5 AND serial = $6 - 1)))`,
		id, w.ProviderID, w.OrganizationID, n.InvoiceID, year, serial, number, p.Seller, p.TaxID, p.Buyer, p.printed(), n.Reason, l.worth.Minor, min(l.Open, l.worth.Minor+l.tax()),
		l.worth.Currency, store.OrNull(by), l.tax(), now)
	batch.Queue(`
		INSERT INTO credit_note_lines (credit_note_id, number, invoice_id, invoice_line, lot_id, description, hours, amount) VALUES ($1, 1, $2, $3, $4, $5, $6, $7)`,
		id, n.InvoiceID, n.Line, l.ID, "Taken back: "+l.Description, n.Hours, l.worth.Minor)
	if l.TaxCategory != "" {
		batch.Queue(`INSERT INTO credit_note_taxes (credit_note_id, category, rate, base, amount, reason) VALUES ($1, $2, $3, $4, $5, $6)`,
			id, l.TaxCategory, l.TaxRate, l.worth.Minor, l.tax(), l.TaxReason)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return billing.CreditNote{}, fmt.Errorf("issue credit note %s: %w", number, err)
	}
	kept, err := readCreditNotes(ctx, tx, `c.id = $1`, id)
	if err != nil {
		return billing.CreditNote{}, err
	}
	return kept[0], nil
}
