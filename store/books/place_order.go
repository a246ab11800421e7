package books

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/people"
)

// OrderRequest is what an order form asks for.
type OrderRequest struct {
	OfferID uuid.UUID
	PriceID uuid.UUID // the price that the form showed
	Hours   billing.Hours
	store.References
	Note string // at most 500 characters; the provider reads it
}

// OrderQuote is what an order would be.
type OrderQuote struct {
	Offer        Offer
	Seller       Seller
	Organization string
	Hours        billing.Hours
	Amount       billing.Money    // zero where Refusal is about the hours or the price
	Taxes        []billing.TaxSum // as the invoice would have them today; none: the provider has said nothing of tax
	Refusal      *refusal.Error   // what PlaceOrder would answer now
	At           time.Time
}

// Seller is how a provider names itself on paper.
type Seller struct {
	Name           string // legal, or as it is known where it gave none
	TaxID          string
	SupportContact string
	Terms          string
	AccountingZone string
	state, reason  string
}

// PlaceOrder orders hours; the provider decides. Refusals: "invalid" by field (hours, purchase_order, cost_centre,
// grant_number, note), "minimum", "offer_ended", "no_price", "stale_form" with both prices, "provider_inactive",
// "orders" (too many wait), "suspended", NotFound("offer").
func (db *DB) PlaceOrder(ctx context.Context, orgID, by uuid.UUID, r OrderRequest) (uuid.UUID, error) {
	if err := r.check(); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspended(ctx, tx, orgID); err != nil {
			return err
		}
		// Prices of the offer do not change under it, and other orders need not wait.
		if _, err := tx.Exec(ctx, `SELECT FROM offers WHERE id = $1 FOR SHARE`, r.OfferID); err != nil {
			return fmt.Errorf("lock offer: %w", err)
		}
		q, err := readOrderQuote(ctx, tx, orgID, r.OfferID, r.Hours)
		if err != nil {
			return err
		}
		if q.Refusal == nil {
			q.Refusal, err = stalePrice(ctx, tx, q, r.PriceID)
		}
		if err != nil {
			return err
		}
		if q.Refusal != nil {
			return q.Refusal
		}
		if err := refuseManyOrders(ctx, tx, orgID, q.Offer); err != nil {
			return err
		}
		var number int64
		err = tx.QueryRow(ctx, `
			INSERT INTO orders (id, organization_id, provider_id, offer_id, price_id, hours, amount, currency, purchase_order,
				cost_centre, grant_number, note, ordered_by, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now()) RETURNING number`,
			id, orgID, q.Offer.ProviderID, q.Offer.ID, q.Offer.Current.ID, r.Hours, q.Amount.Minor, q.Amount.Currency, r.PurchaseOrder,
			r.CostCentre, r.GrantNumber, r.Note, store.OrNull(by)).Scan(&number)
		if err != nil {
			return fmt.Errorf("place order: %w", err)
		}
		if err := db.tellOrder(ctx, tx, q, id, number); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Provider: q.Offer.ProviderID, Verb: "order hours", Subject: "order", SubjectID: id,
			Detail: map[string]any{"number": number, "mcs": r.Hours, "amount": q.Amount.String()},
		})
	})
}

// mostWaitingOrders is how many orders of an organization wait at one provider: its staff look at each. Two at the same moment may be
// one more, which changes nothing.
const mostWaitingOrders = 20

func refuseManyOrders(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, o Offer) error {
	var n int
	err := tx.QueryRow(ctx, `SELECT count(*) FROM orders WHERE provider_id = $1 AND organization_id = $2 AND state = 'waiting'`, o.ProviderID, orgID).Scan(&n)
	if err != nil {
		return fmt.Errorf("count orders that wait: %w", err)
	}
	if n < mostWaitingOrders {
		return nil
	}
	return &refusal.Error{
		Code: "orders", Title: fmt.Sprintf("%d orders of your organization wait at %s already.", n, typed.Isolate(o.ProviderName)), Next: "Withdraw one, or wait for a decision.",
	}
}

// tellOrder tells those of the provider's staff who may decide.
func (db *DB) tellOrder(ctx context.Context, tx pgx.Tx, q OrderQuote, id uuid.UUID, number int64) error {
	return db.core.Tell(ctx, tx, store.EventOrder, store.Happening{
		Place: q.Offer.ProviderID, Subject: id, Mark: "waiting", Kind: store.MailOrderWaiting, Data: map[string]string{
			"organization": q.Organization, "order": strconv.FormatInt(number, 10), "hours": q.Hours.String(), "amount": q.Amount.String(),
			"path": "/provider/orders/" + id.String(),
		},
	})
}

func (r OrderRequest) check() error {
	f := store.Fields{}
	if err := r.Hours.CheckAmount(); err != nil {
		f.Add("hours", "This is %s.", err)
	}
	r.References.Check(f)
	if r.Note != "" {
		f.Check(len([]rune(r.Note)) <= 500, "note", "A note has at most 500 characters; these are %d.", len([]rune(r.Note)))
	}
	return f.Refusal()
}

// QuoteOrder says what an order of hours from an offer would be, and changes nothing. NotFound("offer") is an error;
// every other refusal stands in the quote.
func (db *DB) QuoteOrder(ctx context.Context, orgID, offerID uuid.UUID, hours billing.Hours) (q OrderQuote, err error) {
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		q, err = readOrderQuote(ctx, tx, orgID, offerID, hours)
		return err
	})
	return q, err
}

func readOrderQuote(ctx context.Context, tx pgx.Tx, orgID, offerID uuid.UUID, hours billing.Hours) (q OrderQuote, err error) {
	rows, _ := tx.Query(ctx, selectOffers+` WHERE o.id = $1`, offerID)
	r, err := store.One(rows, "offer", pgx.RowToStructByName[offerRow])
	if err != nil {
		return q, err
	}
	q.Offer, q.Hours = r.offer(), hours
	err = tx.QueryRow(ctx, `
		SELECT coalesce(nullif(p.legal_name, ''), p.name), p.tax_id, p.support_contact, p.terms, p.accounting_zone, p.state, p.state_reason,
		       g.name, now()
		  FROM providers p, organizations g WHERE p.id = $1 AND g.id = $2`, q.Offer.ProviderID, orgID).Scan(
		&q.Seller.Name, &q.Seller.TaxID, &q.Seller.SupportContact, &q.Seller.Terms, &q.Seller.AccountingZone, &q.Seller.state, &q.Seller.reason,
		&q.Organization, &q.At)
	if err = store.Found(err, "organization"); err != nil {
		return q, err
	}
	q.judge()
	if q.Refusal == nil {
		q.Taxes, err = readQuoteTaxes(ctx, tx, orgID, q)
	}
	return q, err
}

// readQuoteTaxes reads what tax an order is quoted with; none where its provider has said nothing of tax.
func readQuoteTaxes(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, q OrderQuote) ([]billing.TaxSum, error) {
	zone, err := time.LoadLocation(q.Seller.AccountingZone)
	if err != nil {
		return nil, fmt.Errorf("accounting zone of %s: %w", q.Offer.ProviderName, err)
	}
	taxing, err := readTaxing(ctx, tx, q.Offer.ProviderID, orgID, typed.DayOf(q.At, zone))
	if err != nil || taxing.Category == "" {
		return nil, err
	}
	return billing.SumTaxes([]int64{q.Amount.Minor}, []billing.Taxing{taxing}), nil
}

// judge computes the amount, or says why there is none.
func (q *OrderQuote) judge() {
	o := q.Offer
	switch {
	case q.Seller.state != "active":
		q.Refusal = people.Inactive(o.ProviderName, q.Seller.state, q.Seller.reason)
		return
	case o.EndedAt != nil:
		q.Refusal = &refusal.Error{
			Code: "offer_ended", Title: fmt.Sprintf("%s ended the offer %s on %s.", typed.Isolate(o.ProviderName), typed.Isolate(o.Name), store.SentenceTime(*o.EndedAt)),
			Next: "Choose another offer.",
		}
		return
	case o.Current == nil:
		q.Refusal = noPrice(o)
		return
	}
	var err error
	if err = q.Hours.CheckAmount(); err == nil {
		q.Amount, err = o.Current.Price.Price(q.Hours)
	}
	switch {
	case errors.Is(err, billing.ErrHours), errors.Is(err, billing.ErrOverflow):
		q.Refusal = refusal.Invalid(map[string]string{"hours": fmt.Sprintf("This is %s.", err)})
	case err != nil:
		q.Refusal = &refusal.Error{Code: "no_price", Title: "The amount cannot be computed: " + err.Error() + ".", Next: "Ask the provider."}
	case q.Hours < o.LeastHours:
		title := fmt.Sprintf("%s sells at least %s compute hours by the offer %s; %s were asked for.", typed.Isolate(o.ProviderName), o.LeastHours.Ceil(), typed.Isolate(o.Name), q.Hours)
		q.Refusal = &refusal.Error{
			Code: "minimum", Title: title, Next: fmt.Sprintf("Order %s compute hours or more.", o.LeastHours.Ceil()), Fields: map[string]string{"hours": title},
		}
	}
}

func noPrice(o Offer) *refusal.Error {
	r := &refusal.Error{
		Code: "no_price", Title: fmt.Sprintf("The offer %s of %s has no price now.", typed.Isolate(o.Name), typed.Isolate(o.ProviderName)), Next: "Choose another offer.",
	}
	if o.Next != nil {
		r.Next = fmt.Sprintf("Order from %s on, when it is %s for a compute hour, or choose another offer.", store.SentenceTime(o.Next.From), o.Next.Price)
	}
	return r
}

// stalePrice refuses an order whose form showed another price than the present one, and names both.
func stalePrice(ctx context.Context, tx pgx.Tx, q OrderQuote, shown uuid.UUID) (*refusal.Error, error) {
	if shown == q.Offer.Current.ID {
		return nil, nil
	}
	before := billing.UnitPrice{Currency: q.Offer.Currency}
	err := tx.QueryRow(ctx, `SELECT price FROM offer_prices WHERE id = $1 AND offer_id = $2`, shown, q.Offer.ID).Scan(&before.Millionths)
	title := fmt.Sprintf("The price of a compute hour is %s since %s.", q.Offer.Current.Price, store.SentenceTime(q.Offer.Current.From))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
	case err != nil:
		return nil, fmt.Errorf("price that was shown: %w", err)
	default:
		title = fmt.Sprintf("The price of a compute hour was %s when the form was shown, and is %s since %s.",
			before, q.Offer.Current.Price, store.SentenceTime(q.Offer.Current.From))
	}
	return &refusal.Error{
		Code: "stale_form", Title: title, Next: fmt.Sprintf("The amount is %s now: send the form again to order at this price.", q.Amount),
	}, nil
}
