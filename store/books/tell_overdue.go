package books

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// TellOverdue reminds of invoices that are 1, 14 or 30 days overdue in the provider's zone, once of each step, and returns of how many it told.
// Of two steps that came at once the later one is told. What is overdue for more than 50 days was told of three times, and is not again.
func (db *DB) TellOverdue(ctx context.Context) (count int, err error) {
	type overdue struct {
		InvoiceID, OrganizationID      uuid.UUID
		Number, Organization, Provider string
		Due                            string
		Step, Late                     int
		Open                           int64
		Currency                       billing.Currency
	}
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		count = 0
		rows, _ := tx.Query(ctx, `
			WITH late AS (
				SELECT b.invoice_id, b.organization_id, b.provider_id, b.open, b.currency, b.due_on, (now() AT TIME ZONE p.accounting_zone)::date - b.due_on AS days, p.name
				  FROM invoice_balances b JOIN providers p ON p.id = b.provider_id
				 WHERE b.open > 0 AND b.due_on < now()::date + 1 AND b.due_on > now()::date - 52),
			steps AS (SELECT l.*, (SELECT max(s) FROM unnest(ARRAY[1, 14, 30]) s WHERE s <= l.days) AS step FROM late l WHERE l.days BETWEEN 1 AND 50),
			fresh AS (INSERT INTO told (event, subject_id, mark, at) SELECT $1, invoice_id, step::text, now() FROM steps ON CONFLICT DO NOTHING RETURNING subject_id)
			SELECT s.invoice_id, s.organization_id, i.number, g.name, s.name, s.due_on::text, s.step, s.days, s.open, s.currency
			  FROM steps s JOIN fresh f ON f.subject_id = s.invoice_id JOIN invoices i ON i.id = s.invoice_id JOIN organizations g ON g.id = s.organization_id
			 ORDER BY i.issued_at, i.id`, store.EventOverdue)
		list, err := store.All(rows, "invoices that are overdue", pgx.RowToStructByPos[overdue])
		if err != nil {
			return err
		}
		var happened []store.Happening
		for _, o := range list {
			due, err := typed.ParseDay(o.Due)
			if err != nil {
				return err
			}
			happened = append(happened, store.Happening{
				Place: o.OrganizationID, Subject: o.InvoiceID, Mark: strconv.Itoa(o.Step), Kind: store.MailOverdue, Data: map[string]string{
					"organization": o.Organization, "provider": o.Provider, "invoice": o.Number, "due": due.String(), "late": refusal.Plural(o.Late, "day", "days"),
					"open": billing.Money{Minor: o.Open, Currency: o.Currency}.String(), "path": "/org/invoices/" + o.InvoiceID.String(),
				},
			})
		}
		count = len(list)
		return db.core.Tell(ctx, tx, store.EventOverdue, happened...)
	})
	if err != nil {
		return 0, fmt.Errorf("tell of overdue invoices: %w", err)
	}
	return count, nil
}
