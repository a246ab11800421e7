package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
)

// waitingOrder is a locked order that nobody has decided yet.
type waitingOrder struct {
	ID             uuid.UUID
	Number         int64
	OrganizationID uuid.UUID
	ProviderID     uuid.UUID
	OfferName      string
	PoolID         *uuid.UUID
	GoodDays       int
	Price          int64
	PriceSetBy     *uuid.UUID
	ProviderName   string
	OrderedBy      *uuid.UUID
	Hours          billing.Hours
	Amount         int64
	Currency       billing.Currency
	Now            time.Time
}

// lockOrder locks an order, before any wallet, and refuses one that is decided: of two decisions at once the second
// sees the first.
func lockOrder(ctx context.Context, tx pgx.Tx, where string, args ...any) (waitingOrder, error) {
	var id uuid.UUID
	var number int64
	var state OrderState
	var decidedAt *time.Time
	err := tx.QueryRow(ctx, `SELECT r.id, r.number, r.state, r.decided_at FROM orders r WHERE `+where+` FOR NO KEY UPDATE`, args...).
		Scan(&id, &number, &state, &decidedAt)
	if err := found(err, "order"); err != nil {
		return waitingOrder{}, err
	}
	if state != OrderWaiting {
		return waitingOrder{}, &provisioner.Refusal{
			Code: "conflict", Title: fmt.Sprintf("Order %d was %s on %s.", number, state, sentenceTime(orZero(decidedAt))), Next: "Nothing is to be done.",
		}
	}
	rows, _ := tx.Query(ctx, `
		SELECT r.id, r.number, r.organization_id, r.provider_id, o.name AS offer_name, o.pool_id, o.good_days, f.price, f.set_by AS price_set_by,
		       r.ordered_by, p.name AS provider_name, r.hours, r.amount, r.currency, now() AS now
		  FROM orders r JOIN providers p ON p.id = r.provider_id JOIN offers o ON o.id = r.offer_id JOIN offer_prices f ON f.id = r.price_id
		 WHERE r.id = $1`, id)
	return one(rows, "order", pgx.RowToStructByName[waitingOrder])
}

// ApproveOrder makes of a waiting order a lot with its ledger entry, and the invoice. Refusals: "own_price" for who set
// the price, "own_order" for who placed the order, "no_prefix" where invoices cannot be numbered, "conflict" where it is decided, "provider_inactive", "suspended"
// for the provider or the organization, NotFound("order").
func (db *DB) ApproveOrder(ctx context.Context, by, providerID, orderID uuid.UUID) error {
	lotID, err := newID()
	if err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		if err := sells(ctx, tx, providerID); err != nil {
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
		if err := refuseSuspended(ctx, tx, o.OrganizationID); err != nil {
			return err
		}
		w, err := lockWallet(ctx, tx, providerID, o.OrganizationID)
		if err != nil {
			return err
		}
		lot := o.lot(lotID, by)
		if err := lot.book(ctx, tx, w, o.Now); err != nil {
			return err
		}
		number, err := issueInvoice(ctx, tx, o, w)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE orders SET state = 'approved', decided_by = $2, decided_at = now(), lot_id = $3, good_until = $4 WHERE id = $1`,
			orderID, orNull(by), lotID, lot.ExpiresAt); err != nil {
			return fmt.Errorf("approve order: %w", err)
		}
		if err := db.mailDecided(ctx, tx, o, OrderApproved, ""); err != nil {
			return err
		}
		return writeAudit(ctx, tx, o.audit(by, "approve order", map[string]any{"invoice": number, "lot": lotID}))
	})
}

// mailDecided tells who ordered.
func (db *DB) mailDecided(ctx context.Context, tx pgx.Tx, o waitingOrder, decision OrderState, reason string) error {
	if o.OrderedBy == nil {
		return nil
	}
	return db.mailTo(ctx, tx, []uuid.UUID{*o.OrderedBy}, MailOrderDecided, map[string]string{
		"provider": o.ProviderName, "order": strconv.FormatInt(o.Number, 10), "decision": string(decision), "reason": reason,
		"path": "/org/orders/" + o.ID.String(),
	})
}

// lot is what the order delivers. Its validity begins now, not when it was ordered.
func (o waitingOrder) lot(id, by uuid.UUID) newLot {
	l := newLot{
		Lot:   billing.Lot{ID: id, Available: o.Hours, ExpiresAt: o.Now.UTC().Add(time.Duration(o.GoodDays) * 24 * time.Hour)},
		Order: o.ID, Paid: billing.Money{Minor: o.Amount, Currency: o.Currency}, Note: fmt.Sprintf("order %d, %s", o.Number, o.OfferName), By: by,
	}
	l.ExpiresAt = l.ExpiresAt.Truncate(time.Microsecond)
	if o.PoolID != nil {
		l.PoolID = *o.PoolID
	}
	return l
}

func ownPrice(o waitingOrder) error {
	return &provisioner.Refusal{
		Code: "own_price",
		Title: fmt.Sprintf("You set the price of %s that order %d is at, and nobody approves an order at a price of their own.",
			billing.UnitPrice{Millionths: o.Price, Currency: o.Currency}, o.Number),
		Next: "Ask another admin or accountant of your provider to approve it.",
	}
}

func ownOrder(o waitingOrder) error {
	return &provisioner.Refusal{
		Code:  "own_order",
		Title: fmt.Sprintf("You placed order %d yourself, and nobody approves an order of their own.", o.Number),
		Next:  "Ask another admin or accountant of your provider to approve it.",
	}
}

func (o waitingOrder) audit(by uuid.UUID, verb string, more map[string]any) auditRow {
	detail := map[string]any{"number": o.Number, "mcs": o.Hours, "amount": billing.Money{Minor: o.Amount, Currency: o.Currency}.String()}
	for k, v := range more {
		detail[k] = v
	}
	return auditRow{By: by, Organization: o.OrganizationID, Provider: o.ProviderID, Verb: verb, Subject: "order", SubjectID: o.ID, Detail: detail}
}

// RejectOrder refuses a waiting order with a reason of 1 to 500 characters, which the organization reads. Refusals:
// "invalid" for reason, "conflict" where it is decided, NotFound("order").
func (db *DB) RejectOrder(ctx context.Context, by, providerID, orderID uuid.UUID, reason string) error {
	reason = strings.TrimSpace(reason)
	f := fields{}
	n := len([]rune(reason))
	f.check(n >= 1 && n <= 500, "reason", "Say why in 1 to 500 characters; these are %d.", n)
	if err := f.refusal(); err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		o, err := lockOrder(ctx, tx, `r.id = $1 AND r.provider_id = $2`, orderID, providerID)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE orders SET state = 'rejected', decided_by = $2, decided_at = now(), reason = $3 WHERE id = $1`,
			orderID, orNull(by), reason); err != nil {
			return fmt.Errorf("reject order: %w", err)
		}
		if err := db.mailDecided(ctx, tx, o, OrderRejected, reason); err != nil {
			return err
		}
		return writeAudit(ctx, tx, o.audit(by, "reject order", map[string]any{"reason": reason}))
	})
}

// WithdrawOrder takes back a waiting order of an organization. Refusals: "conflict" where it is decided, NotFound("order").
func (db *DB) WithdrawOrder(ctx context.Context, by, orgID, orderID uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		o, err := lockOrder(ctx, tx, `r.id = $1 AND r.organization_id = $2`, orderID, orgID)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE orders SET state = 'withdrawn', decided_by = $2, decided_at = now() WHERE id = $1`, orderID, orNull(by)); err != nil {
			return fmt.Errorf("withdraw order: %w", err)
		}
		return writeAudit(ctx, tx, o.audit(by, "withdraw order", nil))
	})
}
