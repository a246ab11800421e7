package books

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
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
	if err := store.Found(err, "order"); err != nil {
		return waitingOrder{}, err
	}
	if state != OrderWaiting {
		return waitingOrder{}, &refusal.Error{
			Code: "conflict", Title: fmt.Sprintf("Order %d was %s on %s.", number, state, store.SentenceTime(orZero(decidedAt))), Next: "Nothing is to be done.",
		}
	}
	rows, _ := tx.Query(ctx, `
		SELECT r.id, r.number, r.organization_id, r.provider_id, o.name AS offer_name, o.pool_id, o.good_days, f.price, f.set_by AS price_set_by,
		       r.ordered_by, p.name AS provider_name, r.hours, r.amount, r.currency, now() AS now
		  FROM orders r JOIN providers p ON p.id = r.provider_id JOIN offers o ON o.id = r.offer_id JOIN offer_prices f ON f.id = r.price_id
		 WHERE r.id = $1`, id)
	return store.One(rows, "order", pgx.RowToStructByName[waitingOrder])
}

// tellDecided tells who ordered, and who else wants to hear of the organization's orders.
func (db *DB) tellDecided(ctx context.Context, tx pgx.Tx, o waitingOrder, decision OrderState, reason string) error {
	h := store.Happening{
		Place: o.OrganizationID, Subject: o.ID, Mark: string(decision), Kind: store.MailOrderDecided, Data: map[string]string{
			"provider": o.ProviderName, "order": strconv.FormatInt(o.Number, 10), "decision": string(decision), "reason": reason,
			"path": "/org/orders/" + o.ID.String(),
		},
	}
	if o.OrderedBy != nil {
		h.Whose = *o.OrderedBy
	}
	return db.core.Tell(ctx, tx, store.EventOrderEnded, h)
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

func (o waitingOrder) audit(by uuid.UUID, verb string, more map[string]any) store.AuditRow {
	detail := map[string]any{"number": o.Number, "mcs": o.Hours, "amount": billing.Money{Minor: o.Amount, Currency: o.Currency}.String()}
	for k, v := range more {
		detail[k] = v
	}
	return store.AuditRow{By: by, Organization: o.OrganizationID, Provider: o.ProviderID, Verb: verb, Subject: "order", SubjectID: o.ID, Detail: detail}
}
