package books

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// OrderState is where an order stands.
type OrderState string

// The states of an order. A waiting one is decided once.
const (
	OrderWaiting   OrderState = "waiting"
	OrderApproved  OrderState = "approved"
	OrderRejected  OrderState = "rejected"
	OrderWithdrawn OrderState = "withdrawn"
)

// Order is a purchase of compute hours.
type Order struct {
	ID               uuid.UUID
	Number           int64 // what people call it
	OrganizationID   uuid.UUID
	OrganizationName string
	ProviderID       uuid.UUID
	ProviderName     string
	OfferID          uuid.UUID
	OfferName        string
	PoolName         string // the one that the hours are good on; empty: every pool of the provider
	GoodDays         int    // from approval
	Price            billing.UnitPrice
	PriceSetBy       *uuid.UUID // who may not approve it; nil: the operator's command
	PriceSetByName   string
	Hours            billing.Hours
	Amount           billing.Money // net
	State            OrderState
	store.References
	Note          string
	OrderedBy     *uuid.UUID
	OrderedByName string
	DecidedByName string
	Reason        string // of a rejection
	CreatedAt     time.Time
	DecidedAt     *time.Time
	GoodUntil     *time.Time // of the hours of an approved order
	LotID         *uuid.UUID
	InvoiceID     *uuid.UUID
	InvoiceNumber string
	Open          billing.Money // what is left to pay of the invoice
	TakenBack     billing.Hours // by credit notes
}

const selectOrders = `
	SELECT r.id, r.number, r.organization_id, g.name, r.provider_id, p.name, r.offer_id, o.name, coalesce(pl.name, ''), o.good_days,
	       f.price, f.set_by, coalesce(sb.name, ''), r.hours, r.amount, r.currency, r.state, r.purchase_order, r.cost_centre,
	       r.grant_number, r.note, r.ordered_by, coalesce(ob.name, ''), coalesce(db.name, ''), r.reason, r.created_at, r.decided_at,
	       r.good_until, r.lot_id, i.id, coalesce(i.number, ''), coalesce(ib.open, 0), coalesce(lt.refunded, 0), p.accounting_zone`

const fromOrders = `
	  FROM orders r
	  JOIN organizations g ON g.id = r.organization_id
	  JOIN providers p ON p.id = r.provider_id
	  JOIN offers o ON o.id = r.offer_id
	  JOIN offer_prices f ON f.id = r.price_id
	  LEFT JOIN pools pl ON pl.id = o.pool_id
	  LEFT JOIN people sb ON sb.id = f.set_by
	  LEFT JOIN people ob ON ob.id = r.ordered_by
	  LEFT JOIN people db ON db.id = r.decided_by
	  LEFT JOIN invoice_lines il ON il.order_id = r.id
	  LEFT JOIN invoices i ON i.id = il.invoice_id
	  LEFT JOIN invoice_balances ib ON ib.invoice_id = i.id
	  LEFT JOIN lots lt ON lt.id = r.lot_id`

func rowToOrder(row pgx.CollectableRow) (Order, error) {
	var o Order
	var zone string
	err := row.Scan(&o.ID, &o.Number, &o.OrganizationID, &o.OrganizationName, &o.ProviderID, &o.ProviderName, &o.OfferID, &o.OfferName,
		&o.PoolName, &o.GoodDays, &o.Price.Millionths, &o.PriceSetBy, &o.PriceSetByName, &o.Hours, &o.Amount.Minor, &o.Amount.Currency,
		&o.State, &o.PurchaseOrder, &o.CostCentre, &o.GrantNumber, &o.Note, &o.OrderedBy, &o.OrderedByName, &o.DecidedByName, &o.Reason,
		&o.CreatedAt, &o.DecidedAt, &o.GoodUntil, &o.LotID, &o.InvoiceID, &o.InvoiceNumber, &o.Open.Minor, &o.TakenBack, &zone)
	o.Price.Currency, o.Open.Currency = o.Amount.Currency, o.Amount.Currency
	if err == nil {
		err = inZone(o.GoodUntil, zone)
	}
	return o, err
}

// OrderOfOrganization finds one of an organization's orders.
func (db *DB) OrderOfOrganization(ctx context.Context, orgID, orderID uuid.UUID) (Order, error) {
	rows, _ := db.pool.Query(ctx, selectOrders+fromOrders+` WHERE r.organization_id = $1 AND r.id = $2`, orgID, orderID)
	return store.One(rows, "order", rowToOrder)
}

// OrderOfProvider finds one of the orders that a provider was given.
func (db *DB) OrderOfProvider(ctx context.Context, providerID, orderID uuid.UUID) (Order, error) {
	rows, _ := db.pool.Query(ctx, selectOrders+fromOrders+` WHERE r.provider_id = $1 AND r.id = $2`, providerID, orderID)
	return store.One(rows, "order", rowToOrder)
}

// OrderFilter narrows and orders a list of orders by number, party, hours, amount, state or created.
type OrderFilter struct {
	Page  store.Page
	Sort  store.Sorting
	State OrderState // empty: all
	Party uuid.UUID  // of an organization's orders the provider, of a provider's the organization; Nil: all
	Text  string     // a part of the number, a reference or the other party's name
	Days  store.Days // ordered on
}

// Total is what rows of one currency sum to.
type Total struct {
	Count  int
	Hours  billing.Hours
	Amount billing.Money
}

// count sums the rows of totals.
func count(totals []Total) int {
	var n int
	for _, t := range totals {
		n += t.Count
	}
	return n
}

// OrdersOfOrganization gives a page of what an organization ordered, the newest first, with how many and how much the
// filter leaves.
func (db *DB) OrdersOfOrganization(ctx context.Context, orgID uuid.UUID, f OrderFilter) ([]Order, int, []Total, error) {
	return db.orders(ctx, "organization", "provider", "p.name", orgID, f, "r.created_at DESC, r.id")
}

// OrdersOfProvider gives a page of what a provider was asked for, those that wait first.
func (db *DB) OrdersOfProvider(ctx context.Context, providerID uuid.UUID, f OrderFilter) ([]Order, int, []Total, error) {
	return db.orders(ctx, "provider", "organization", "g.name", providerID, f, "(r.state = 'waiting') DESC, r.created_at DESC, r.id")
}

func (db *DB) orders(ctx context.Context, own, other, party string, ownID uuid.UUID, f OrderFilter, fallback string) ([]Order, int, []Total, error) {
	where := ` WHERE r.` + own + `_id = $1 AND ($2 = '' OR r.state = $2) AND ($3::uuid IS NULL OR r.` + other + `_id = $3)
		AND (r.number::text ILIKE $4 OR r.purchase_order ILIKE $4 OR r.cost_centre ILIKE $4 OR r.grant_number ILIKE $4 OR ` + party + ` ILIKE $4)
		AND ($5::text IS NULL OR (r.created_at AT TIME ZONE p.accounting_zone)::date >= $5::text::date)
		AND ($6::text IS NULL OR (r.created_at AT TIME ZONE p.accounting_zone)::date <= $6::text::date)`
	args := []any{ownID, string(f.State), store.OrNull(f.Party), store.Like(f.Text), store.OrNoDay(f.Days.Since), store.OrNoDay(f.Days.Until)}
	order := store.Sortable{
		"number": "r.number", "party": party, "hours": "r.hours", "amount": "r.amount", "state": "r.state", "created": "r.created_at",
	}.OrderBy(f.Sort, fallback)
	rows, _ := db.pool.Query(ctx, selectOrders+fromOrders+where+order+` LIMIT $7 OFFSET $8`, append(args, f.Page.Most(), f.Page.Skip())...)
	list, err := store.All(rows, "orders", rowToOrder)
	if err != nil {
		return nil, 0, nil, err
	}
	// What was refused or taken back is no part of a sum, unless that alone is asked for.
	const counts = ` FILTER (WHERE $2 <> '' OR r.state IN ('waiting', 'approved'))`
	rows, _ = db.pool.Query(ctx, `SELECT count(*), coalesce(sum(r.hours)`+counts+`, 0)::bigint, coalesce(sum(r.amount)`+counts+`, 0)::bigint, r.currency`+fromOrders+where+
		` GROUP BY r.currency ORDER BY r.currency`, args...)
	totals, err := store.All(rows, "sums of orders", rowToTotal)
	return list, count(totals), totals, err
}

func rowToTotal(row pgx.CollectableRow) (Total, error) {
	var t Total
	err := row.Scan(&t.Count, &t.Hours, &t.Amount.Minor, &t.Amount.Currency)
	return t, err
}

// QueueWaitingOrders counts the orders that wait for a provider's decision when the batch is read.
func QueueWaitingOrders(b *pgx.Batch, providerID uuid.UUID, n *int) {
	b.Queue(`SELECT count(*) FROM orders WHERE provider_id = $1 AND state = 'waiting'`, providerID).
		QueryRow(func(row pgx.Row) error { return row.Scan(n) })
}
