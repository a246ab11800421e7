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

// NewPrice is what SetPrice needs.
type NewPrice struct {
	Millionths int64     // of the provider's currency unit for a compute hour
	From       time.Time // zero: now
	Until      time.Time // zero: no end
}

// SetPrice gives an offer a price from a time on, and returns its id. The price in force then ends there; no price is
// ever edited. Refusals: "invalid" by field (price, from, until), "overlap" with the range of the price in the way,
// "conflict" for an ended offer, "suspended", "provider_inactive", NotFound("offer").
func (db *DB) SetPrice(ctx context.Context, by, providerID, offerID uuid.UUID, p NewPrice) (id uuid.UUID, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.Sells(ctx, tx, providerID); err != nil {
			return err
		}
		id, err = setPrice(ctx, tx, by, providerID, offerID, p)
		return err
	})
	return id, err
}

func setPrice(ctx context.Context, tx pgx.Tx, by, providerID, offerID uuid.UUID, p NewPrice) (uuid.UUID, error) {
	o, err := lockOffer(ctx, tx, providerID, offerID)
	if err != nil {
		return uuid.Nil, err
	}
	if o.EndedAt != nil {
		return uuid.Nil, offerEnded(o)
	}
	if p.From.IsZero() {
		p.From = o.Now
	}
	if err := p.Check(o.Now); err != nil {
		return uuid.Nil, err
	}
	// The price in force at the start of the new one ends there; one that begins with or after it stays and may be in the way.
	if _, err := tx.Exec(ctx, `
		UPDATE offer_prices SET during = tstzrange(lower(during), $2)
		 WHERE offer_id = $1 AND during @> $2::timestamptz AND lower(during) < $2`, offerID, p.From); err != nil {
		return uuid.Nil, fmt.Errorf("end price: %w", err)
	}
	if err := p.free(ctx, tx, offerID, o.Currency); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO offer_prices (id, offer_id, provider_id, price, during, planned_until, set_by, created_at)
		VALUES ($1, $2, $3, $4, tstzrange($5, $6), $6, $7, now())`,
		id, offerID, providerID, p.Millionths, p.From, store.OrNoTime(p.Until), store.OrNull(by)); err != nil {
		return uuid.Nil, fmt.Errorf("set price: %w", err)
	}
	price := billing.UnitPrice{Millionths: p.Millionths, Currency: o.Currency}
	return id, store.WriteAudit(ctx, tx, store.AuditRow{
		By: by, Provider: providerID, Verb: "set price", Subject: "offer", SubjectID: offerID,
		Detail: map[string]any{"price": price.String(), "from": p.From.UTC(), "until": store.OrNoTime(p.Until)},
	})
}

// Check is what SetPrice refuses of the fields alone at a time, "invalid" by field; nil: nothing.
func (p NewPrice) Check(now time.Time) error {
	f := store.Fields{}
	if p.From.IsZero() {
		p.From = now
	}
	checkPrice(f, p.Millionths)
	f.Check(!p.From.Before(now), "from", "A price begins now or later: %s has passed.", store.SentenceTime(p.From))
	f.Check(p.Until.IsZero() || p.Until.After(p.From), "until", "A price ends after its beginning at %s.", store.SentenceTime(p.From))
	return f.Refusal()
}

// free refuses a range that another price has a part of, and names both.
func (p NewPrice) free(ctx context.Context, tx pgx.Tx, offerID uuid.UUID, currency billing.Currency) error {
	rows, _ := tx.Query(ctx, `
		SELECT price, lower(during), upper(during) FROM offer_prices
		 WHERE offer_id = $1 AND during && tstzrange($2, $3) ORDER BY lower(during) LIMIT 1`, offerID, p.From, store.OrNoTime(p.Until))
	type other struct {
		Price int64
		From  time.Time
		Until *time.Time
	}
	taken, err := store.All(rows, "prices", pgx.RowToStructByPos[other])
	if err != nil || len(taken) == 0 {
		return err
	}
	x := taken[0]
	title := fmt.Sprintf("The price would hold %s, and %s holds %s already.", rangeWords(p.From, p.Until),
		billing.UnitPrice{Millionths: x.Price, Currency: currency}, rangeWords(x.From, orZero(x.Until)))
	next := "Withdraw the other one before it begins, or begin later."
	if x.From.After(p.From) {
		next = fmt.Sprintf("End the new price by %s, or withdraw the other one before it begins.", store.SentenceTime(x.From))
	}
	return &refusal.Error{Code: "overlap", Title: title, Next: next, Fields: map[string]string{"from": title}}
}

func rangeWords(from, until time.Time) string {
	if until.IsZero() {
		return "from " + store.SentenceTime(from) + " on"
	}
	return "from " + store.SentenceTime(from) + " until " + store.SentenceTime(until)
}
