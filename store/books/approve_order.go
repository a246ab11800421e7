package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// ApproveOrder makes of a waiting order a lot with its ledger entry, and the invoice, which the organization's credit pays as far as it goes. Refusals: "own_price" for who set
// the price, "own_order" for who placed the order, "no_prefix" where invoices cannot be numbered, "conflict" where it is decided, "provider_inactive", "suspended"
// for the provider or the organization, NotFound("order").
func (db *DB) ApproveOrder(ctx context.Context, by, providerID, orderID uuid.UUID) error {
	lotID, err := store.NewID()
	if err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.Sells(ctx, tx, providerID); err != nil {
			return err
		}
		o, err := lockOrder(ctx, tx, `r.id = $1 AND r.provider_id = $2`, orderID, providerID)
		if err != nil {
			return err
		}
		if by != uuid.Nil && o.PriceSetBy != nil && *o.PriceSetBy == by {
			return ownPrice(o)
		}
		if by != uuid.Nil && o.OrderedBy != nil && *o.OrderedBy == by {
			return ownOrder(o)
		}
		if err := people.RefuseSuspended(ctx, tx, o.OrganizationID); err != nil {
			return err
		}
		w, err := lockWallet(ctx, tx, providerID, o.OrganizationID)
		if err != nil {
			return err
		}
		invoice, err := issueInvoice(ctx, tx, o, w)
		if err != nil {
			return err
		}
		lot := o.lot(lotID, by)
		lot.Tax = invoice.tax
		if err := lot.book(ctx, tx, w, o.Now); err != nil {
			return err
		}
		if _, err := useCredit(ctx, tx, w, o.Currency, invoice.id, uuid.Nil, o.Now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE orders SET state = 'approved', decided_by = $2, decided_at = now(), lot_id = $3, good_until = $4 WHERE id = $1`,
			orderID, store.OrNull(by), lotID, lot.ExpiresAt); err != nil {
			return fmt.Errorf("approve order: %w", err)
		}
		if err := db.tellDecided(ctx, tx, o, OrderApproved, ""); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, o.audit(by, "approve order", map[string]any{"invoice": invoice.number, "lot": lotID}))
	})
}

func ownPrice(o waitingOrder) error {
	return &refusal.Error{
		Code: "own_price",
		Title: fmt.Sprintf("You set the price of %s that order %d is at, and nobody approves an order at a price of their own.",
			billing.UnitPrice{Millionths: o.Price, Currency: o.Currency}, o.Number),
		Next: "Ask another admin or accountant of your provider to approve it.",
	}
}

func ownOrder(o waitingOrder) error {
	return &refusal.Error{
		Code:  "own_order",
		Title: fmt.Sprintf("You placed order %d yourself, and nobody approves an order of their own.", o.Number),
		Next:  "Ask another admin or accountant of your provider to approve it.",
	}
}
