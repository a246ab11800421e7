package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// WithdrawPrice takes back a price that has not begun. The price that was ended for it goes on as it was set. Refusals:
// "conflict" where it has begun, "suspended", NotFound("offer" or "price").
func (db *DB) WithdrawPrice(ctx context.Context, by, providerID, offerID, priceID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspendedProvider(ctx, tx, providerID); err != nil {
			return err
		}
		o, err := lockOffer(ctx, tx, providerID, offerID)
		if err != nil {
			return err
		}
		price := billing.UnitPrice{Currency: o.Currency}
		var from time.Time
		err = tx.QueryRow(ctx, `SELECT price, lower(during) FROM offer_prices WHERE id = $1 AND offer_id = $2`, priceID, offerID).Scan(&price.Millionths, &from)
		if err := store.Found(err, "price"); err != nil {
			return err
		}
		if !from.After(o.Now) {
			return &refusal.Error{
				Code: "conflict", Title: fmt.Sprintf("The price of %s has been in force since %s.", price, store.SentenceTime(from)),
				Next: "Set another price to end it.",
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM offer_prices WHERE id = $1`, priceID); err != nil {
			return fmt.Errorf("withdraw price: %w", err)
		}
		if err := prolong(ctx, tx, offerID, from); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Provider: providerID, Verb: "withdraw price", Subject: "offer", SubjectID: offerID,
			Detail: map[string]any{"price": price.String(), "from": from.UTC()},
		})
	})
}

// prolong lets the price that ends at a time hold as long as it was set for, or until the next one.
func prolong(ctx context.Context, tx pgx.Tx, offerID uuid.UUID, end time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE offer_prices p
		   SET during = tstzrange(lower(p.during), least(p.planned_until,
		         (SELECT min(lower(n.during)) FROM offer_prices n WHERE n.offer_id = p.offer_id AND lower(n.during) >= $2)))
		 WHERE p.offer_id = $1 AND upper(p.during) = $2`, offerID, end)
	if err != nil {
		return fmt.Errorf("prolong price: %w", err)
	}
	return nil
}
