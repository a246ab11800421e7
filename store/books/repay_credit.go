package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// RepayCredit books that credit was paid back to an organization; InvoiceID is not looked at. Refusals: "invalid" by field (amount: more than
// the credit, paid_on, reference), NotFound("organization").
func (db *DB) RepayCredit(ctx context.Context, by, providerID uuid.UUID, n NewPayment) error {
	id, err := store.NewID()
	if err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		w, c, err := customer(ctx, tx, providerID, n.OrganizationID)
		if err != nil {
			return err
		}
		p, err := n.payment(ctx, tx, w, c)
		if err != nil {
			return err
		}
		credit, err := creditOf(ctx, tx, w, c)
		if err != nil {
			return err
		}
		f := store.Fields{}
		f.Check(n.Minor <= credit, "amount", "The organization’s credit is %s: no more can be paid back. What was paid for hours that nobody used becomes credit by a credit note.",
			billing.Money{Minor: credit, Currency: c})
		if err := f.Refusal(); err != nil {
			return err
		}
		p.ID, p.By, p.Kind = id, by, billing.PaymentRepaid
		if err := p.book(ctx, tx, w); err != nil {
			return fmt.Errorf("pay back: %w", err)
		}
		return store.WriteAudit(ctx, tx, p.audit(w, "pay back credit"))
	})
}
