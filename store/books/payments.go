package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// readPayments reads payments as they are hashed, in the order of their ids.
func readPayments(ctx context.Context, tx pgx.Tx, where string, args ...any) ([]billing.PaymentTerms, error) {
	rows, err := tx.Query(ctx, `
		SELECT p.id, p.kind, p.paid_on::text, p.amount, p.currency, p.reference, a.invoice_id, coalesce(a.amount, 0)
		  FROM payments p LEFT JOIN payment_allocations a ON a.payment_id = p.id WHERE `+where+` ORDER BY p.id, a.invoice_id`, args...)
	if err != nil {
		return nil, fmt.Errorf("read payments: %w", err)
	}
	var list []billing.PaymentTerms
	var p billing.PaymentTerms
	var day string
	var invoice *uuid.UUID
	var amount int64
	_, err = pgx.ForEachRow(rows, []any{&p.ID, &p.Kind, &day, &p.Amount.Minor, &p.Amount.Currency, &p.Reference, &invoice, &amount}, func() (err error) {
		if n := len(list); n == 0 || list[n-1].ID != p.ID {
			if p.PaidOn, err = typed.ParseDay(day); err != nil {
				return err
			}
			list = append(list, p)
		}
		if invoice != nil {
			last := &list[len(list)-1]
			last.To = append(last.To, billing.Allocation{InvoiceID: *invoice, Minor: amount})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read payments: %w", err)
	}
	return list, nil
}

// newPayment is what a command makes of a payment, in a locked wallet.
type newPayment struct {
	billing.PaymentTerms
	By    uuid.UUID
	Event time.Time // whose day is that of the accounts
	Now   time.Time
}

// book writes the payment down, and its entry. What is hashed is read back.
func (p newPayment) book(ctx context.Context, tx pgx.Tx, w wallet) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO payments (id, wallet_id, provider_id, organization_id, kind, amount, currency, paid_on, reference, recorded_by, recorded_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::date, $9, $10, $11)`, p.ID, w.ID, w.ProviderID, w.OrganizationID, p.Kind, p.Amount.Minor, p.Amount.Currency,
		p.PaidOn.String(), p.Reference, store.OrNull(p.By), p.Now)
	if err != nil {
		return fmt.Errorf("record payment: %w", err)
	}
	invoices, amounts := make([]uuid.UUID, len(p.To)), make([]int64, len(p.To))
	for i, a := range p.To {
		invoices[i], amounts[i] = a.InvoiceID, a.Minor
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO payment_allocations (payment_id, invoice_id, amount) SELECT $1, u.* FROM unnest($2::uuid[], $3::bigint[]) u`, p.ID, invoices, amounts); err != nil {
		return fmt.Errorf("allocate payment: %w", err)
	}
	kept, err := readPayments(ctx, tx, `p.id = $1`, p.ID)
	if err != nil {
		return err
	}
	d, err := billing.Pay(kept[0], p.By, p.Event, p.Now)
	if err != nil {
		return err
	}
	return book(ctx, tx, w, []booking{{Draft: d}})
}

// debtRow is an invoice that something is left to pay of.
type debtRow struct {
	InvoiceID uuid.UUID
	Number    string
	Open      int64
}

// openDebts reads what is left to pay of the locked wallet's invoices in a currency, what is due first first; of an id that invoice alone,
// paid or not.
func openDebts(ctx context.Context, tx pgx.Tx, w wallet, c billing.Currency, invoiceID uuid.UUID) ([]debtRow, error) {
	rows, _ := tx.Query(ctx, `
		SELECT b.invoice_id, i.number, b.open FROM invoice_balances b JOIN invoices i ON i.id = b.invoice_id
		 WHERE b.provider_id = $1 AND b.organization_id = $2 AND b.currency = $3 AND CASE WHEN $4::uuid IS NULL THEN b.open > 0 ELSE b.invoice_id = $4 END
		 ORDER BY b.due_on NULLS FIRST, i.issued_at, i.id`, w.ProviderID, w.OrganizationID, c, store.OrNull(invoiceID))
	return store.All(rows, "open invoices", pgx.RowToStructByPos[debtRow])
}

func allocate(minor int64, debts []debtRow) ([]billing.Allocation, int64) {
	list := make([]billing.Debt, len(debts))
	for i, d := range debts {
		list[i] = billing.Debt{InvoiceID: d.InvoiceID, Open: d.Open}
	}
	return billing.Allocate(minor, list)
}

// creditOf is the locked wallet's credit in a currency, in minor units.
func creditOf(ctx context.Context, tx pgx.Tx, w wallet, c billing.Currency) (int64, error) {
	var credit int64
	err := tx.QueryRow(ctx, `SELECT coalesce((SELECT credit FROM wallet_money WHERE wallet_id = $1 AND currency = $2), 0)`, w.ID, c).Scan(&credit)
	if err != nil {
		return 0, fmt.Errorf("credit of wallet %s: %w", w.ID, err)
	}
	return credit, nil
}

// customer locks the wallet of an organization that a provider has dealt with, and gives the provider's currency. NotFound("organization").
func customer(ctx context.Context, tx pgx.Tx, providerID, orgID uuid.UUID) (wallet, billing.Currency, error) {
	w, err := walletForUpdate(ctx, tx, `w.provider_id = $1 AND w.organization_id = $2`, providerID, orgID)
	if err := store.Found(err, "organization"); err != nil {
		return w, "", err
	}
	var c billing.Currency
	if err := tx.QueryRow(ctx, `SELECT currency FROM providers WHERE id = $1`, providerID).Scan(&c); err != nil {
		return w, "", fmt.Errorf("currency of provider %s: %w", providerID, err)
	}
	return w, c, nil
}

// Payment is one that was recorded.
type Payment struct {
	ID               uuid.UUID
	Kind             billing.PaymentKind
	OrganizationID   uuid.UUID
	OrganizationName string
	ProviderName     string
	Amount           billing.Money
	Allocated        billing.Money // what invoices took
	PaidOn           typed.Day
	Reference        string
	ByName           string // empty: Volary itself, which uses credit for the next invoice
	RecordedAt       time.Time
}

// PaymentFilter narrows and orders a list of payments by party, paid, amount or recorded.
type PaymentFilter struct {
	Page store.Page
	Sort store.Sorting
	Kind billing.PaymentKind // empty: all
	Text string              // a part of the reference or the other party's name
	Days store.Days          // of the bank
}

// PaymentsOfProvider gives a page of what came in, was used as credit and was paid back, the newest first, with the sums of what the filter
// leaves: what was paid back is taken off, and credit that was used came in before.
func (db *DB) PaymentsOfProvider(ctx context.Context, providerID uuid.UUID, f PaymentFilter) ([]Payment, int, []Total, error) {
	return db.payments(ctx, "y.provider_id", "g.name", providerID, f)
}

// PaymentsOfOrganization gives the same of an organization's.
func (db *DB) PaymentsOfOrganization(ctx context.Context, orgID uuid.UUID, f PaymentFilter) ([]Payment, int, []Total, error) {
	return db.payments(ctx, "y.organization_id", "p.name", orgID, f)
}

const fromPayments = `
	  FROM payments y JOIN organizations g ON g.id = y.organization_id JOIN providers p ON p.id = y.provider_id LEFT JOIN people b ON b.id = y.recorded_by`

func (db *DB) payments(ctx context.Context, own, party string, ownID uuid.UUID, f PaymentFilter) ([]Payment, int, []Total, error) {
	where := ` WHERE ` + own + ` = $1 AND ($2 = '' OR y.kind = $2) AND (y.reference ILIKE $3 OR ` + party + ` ILIKE $3)
		AND ($4::text IS NULL OR y.paid_on >= $4::text::date) AND ($5::text IS NULL OR y.paid_on <= $5::text::date)`
	args := []any{ownID, string(f.Kind), store.Like(f.Text), store.OrNoDay(f.Days.Since), store.OrNoDay(f.Days.Until)}
	order := store.Sortable{"party": party, "paid": "y.paid_on", "amount": "y.amount", "recorded": "y.recorded_at"}.OrderBy(f.Sort, "y.recorded_at DESC, y.id")
	rows, _ := db.pool.Query(ctx, `
		SELECT y.id, y.kind, y.organization_id, g.name, p.name, y.amount, y.currency,
		       coalesce((SELECT sum(a.amount) FROM payment_allocations a WHERE a.payment_id = y.id), 0)::bigint, y.paid_on::text, y.reference, coalesce(b.name, ''), y.recorded_at`+
		fromPayments+where+order+` LIMIT $6 OFFSET $7`, append(args, f.Page.Most(), f.Page.Skip())...)
	list, err := store.All(rows, "payments", rowToPayment)
	if err != nil {
		return nil, 0, nil, err
	}
	rows, _ = db.pool.Query(ctx, `
		SELECT count(*), 0::bigint, sum(CASE y.kind WHEN 'received' THEN y.amount WHEN 'repaid' THEN -y.amount ELSE 0 END)::bigint, y.currency`+
		fromPayments+where+` GROUP BY y.currency ORDER BY y.currency`, args...)
	totals, err := store.All(rows, "sums of payments", rowToTotal)
	return list, count(totals), totals, err
}

func rowToPayment(row pgx.CollectableRow) (Payment, error) {
	var p Payment
	var day string
	err := row.Scan(&p.ID, &p.Kind, &p.OrganizationID, &p.OrganizationName, &p.ProviderName, &p.Amount.Minor, &p.Amount.Currency, &p.Allocated.Minor, &day,
		&p.Reference, &p.ByName, &p.RecordedAt)
	if err != nil {
		return p, err
	}
	p.Allocated.Currency = p.Amount.Currency
	p.PaidOn, err = typed.ParseDay(day)
	return p, err
}

// InvoicePart is something that paid a part of an invoice.
type InvoicePart struct {
	Kind      billing.PaymentKind
	Amount    billing.Money
	PaidOn    typed.Day
	Reference string
}

// partsOf reads what paid an invoice. It has as many as the invoice was paid in.
func (db *DB) partsOf(ctx context.Context, i Invoice) ([]InvoicePart, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT p.kind, a.amount, p.paid_on::text, p.reference FROM payment_allocations a JOIN payments p ON p.id = a.payment_id
		 WHERE a.invoice_id = $1 ORDER BY p.recorded_at, p.id LIMIT 100`, i.ID)
	return store.All(rows, "payments of an invoice", func(row pgx.CollectableRow) (InvoicePart, error) {
		x := InvoicePart{Amount: billing.Money{Currency: i.Net.Currency}}
		var day string
		err := row.Scan(&x.Kind, &x.Amount.Minor, &day, &x.Reference)
		if err == nil {
			x.PaidOn, err = typed.ParseDay(day)
		}
		return x, err
	})
}
