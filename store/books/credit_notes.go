package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// readCreditNotes reads credit notes as they are hashed, in the order of their ids.
func readCreditNotes(ctx context.Context, q store.Queryer, where string, args ...any) ([]billing.CreditNote, error) {
	rows, err := q.Query(ctx, `
		SELECT c.id, c.invoice_id, c.number, c.year, c.serial, c.issued_at, c.net, c.currency, c.off, c.seller, c.tax_id, c.buyer, c.reason, c.printed,
		       l.number, l.invoice_line, l.lot_id, l.hours, l.amount, l.description
		  FROM credit_notes c JOIN credit_note_lines l ON l.credit_note_id = c.id WHERE `+where+` ORDER BY c.id, l.number`, args...)
	if err != nil {
		return nil, fmt.Errorf("read credit notes: %w", err)
	}
	var list []billing.CreditNote
	var n billing.CreditNote
	var l billing.CreditLine
	_, err = pgx.ForEachRow(rows, []any{
		&n.ID, &n.InvoiceID, &n.Number, &n.Year, &n.Serial, &n.IssuedAt, &n.Net.Minor, &n.Net.Currency, &n.Off, &n.Seller, &n.TaxID, &n.Buyer, &n.Reason, &n.Printed,
		&l.Number, &l.InvoiceLine, &l.LotID, &l.Hours, &l.Amount, &l.Description,
	}, func() error {
		if k := len(list); k == 0 || list[k-1].ID != n.ID {
			list = append(list, n)
		}
		last := &list[len(list)-1]
		last.Lines = append(last.Lines, l)
		n.Printed = nil // the next one's is another map
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read credit notes: %w", err)
	}
	ids := make([]uuid.UUID, len(list))
	for i, n := range list {
		ids[i] = n.ID
	}
	taxes, err := readTaxes(ctx, q, "credit_note_taxes", "credit_note_id", ids...)
	for i := range list {
		list[i].Taxes = taxes[list[i].ID]
	}
	return list, err
}

// CreditNote is one that was issued, with what it is about.
type CreditNote struct {
	billing.CreditNote
	InvoiceNumber    string
	ProviderName     string
	OrganizationName string
	Head             billing.Head
}

// CreditNoteOfOrganization finds one of the credit notes that an organization got.
func (db *DB) CreditNoteOfOrganization(ctx context.Context, orgID, noteID uuid.UUID) (CreditNote, error) {
	return db.creditNote(ctx, `c.organization_id = $1 AND c.id = $2`, orgID, noteID)
}

// CreditNoteOfProvider finds one of the credit notes that a provider issued.
func (db *DB) CreditNoteOfProvider(ctx context.Context, providerID, noteID uuid.UUID) (CreditNote, error) {
	return db.creditNote(ctx, `c.provider_id = $1 AND c.id = $2`, providerID, noteID)
}

func (db *DB) creditNote(ctx context.Context, where string, args ...any) (CreditNote, error) {
	list, err := readCreditNotes(ctx, db.pool, where, args...)
	if err == nil && len(list) == 0 {
		err = store.Found(pgx.ErrNoRows, "credit note")
	}
	if err != nil {
		return CreditNote{}, err
	}
	n := CreditNote{CreditNote: list[0]}
	var of billing.Journal
	err = db.pool.QueryRow(ctx, `
		SELECT i.number, p.name, g.name, c.provider_id, c.organization_id FROM credit_notes c JOIN invoices i ON i.id = c.invoice_id JOIN providers p ON p.id = c.provider_id
		  JOIN organizations g ON g.id = c.organization_id WHERE c.id = $1`, n.ID).Scan(&n.InvoiceNumber, &n.ProviderName, &n.OrganizationName, &of.ProviderID, &of.OrganizationID)
	if err != nil {
		return n, fmt.Errorf("invoice of credit note %s: %w", n.Number, err)
	}
	n.Head, err = db.headOf(ctx, of, billing.FactCreditNote, n.ID)
	return n, err
}

// CreditNoteRow is one of a list.
type CreditNoteRow struct {
	ID            uuid.UUID
	Number        string
	InvoiceID     uuid.UUID
	InvoiceNumber string
	Party         string // the other side
	Hours         billing.Hours
	Net           billing.Money
	IssuedAt      time.Time
	Zone          string
}

// CreditNotesOfOrganization gives a page of what an organization was credited, the newest first; f narrows and orders by number, party, net
// or issued.
func (db *DB) CreditNotesOfOrganization(ctx context.Context, orgID uuid.UUID, f InvoiceFilter) ([]CreditNoteRow, int, []Total, error) {
	return db.creditNotes(ctx, "c.organization_id", "p.name", orgID, f)
}

// CreditNotesOfProvider gives the same of what a provider issued.
func (db *DB) CreditNotesOfProvider(ctx context.Context, providerID uuid.UUID, f InvoiceFilter) ([]CreditNoteRow, int, []Total, error) {
	return db.creditNotes(ctx, "c.provider_id", "g.name", providerID, f)
}

func (db *DB) creditNotes(ctx context.Context, own, party string, ownID uuid.UUID, f InvoiceFilter) ([]CreditNoteRow, int, []Total, error) {
	const from = `
	  FROM credit_notes c JOIN invoices i ON i.id = c.invoice_id JOIN providers p ON p.id = c.provider_id JOIN organizations g ON g.id = c.organization_id
	  CROSS JOIN LATERAL (SELECT sum(l.hours)::bigint AS hours FROM credit_note_lines l WHERE l.credit_note_id = c.id) h`
	where := ` WHERE ` + own + ` = $1 AND (c.number ILIKE $2 OR i.number ILIKE $2 OR ` + party + ` ILIKE $2)
		AND ($3::text IS NULL OR (c.issued_at AT TIME ZONE p.accounting_zone)::date >= $3::text::date)
		AND ($4::text IS NULL OR (c.issued_at AT TIME ZONE p.accounting_zone)::date <= $4::text::date)`
	args := []any{ownID, store.Like(f.Text), store.OrNoDay(f.Days.Since), store.OrNoDay(f.Days.Until)}
	order := store.Sortable{
		"number": "(split_part(c.number, '-', 1), c.year, c.serial)", "party": party, "net": "c.net", "issued": "c.issued_at",
	}.OrderBy(f.Sort, "c.issued_at DESC, c.id")
	rows, _ := db.pool.Query(ctx, `SELECT c.id, c.number, c.invoice_id, i.number, `+party+`, h.hours, c.net, c.currency, c.issued_at, p.accounting_zone`+from+where+order+` LIMIT $5 OFFSET $6`,
		append(args, f.Page.Most(), f.Page.Skip())...)
	list, err := store.All(rows, "credit notes", func(row pgx.CollectableRow) (CreditNoteRow, error) {
		var n CreditNoteRow
		err := row.Scan(&n.ID, &n.Number, &n.InvoiceID, &n.InvoiceNumber, &n.Party, &n.Hours, &n.Net.Minor, &n.Net.Currency, &n.IssuedAt, &n.Zone)
		return n, err
	})
	if err != nil {
		return nil, 0, nil, err
	}
	rows, _ = db.pool.Query(ctx, `SELECT count(*), sum(h.hours)::bigint, sum(c.net)::bigint, c.currency`+from+where+` GROUP BY c.currency ORDER BY c.currency`, args...)
	totals, err := store.All(rows, "sums of credit notes", rowToTotal)
	return list, count(totals), totals, err
}
