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

// Offer is what a provider sells compute hours by. What was sold stays as it was sold: an offer's name, pool, minimum
// and validity never change, and its prices are ended and replaced.
type Offer struct {
	ID           uuid.UUID
	ProviderID   uuid.UUID
	ProviderName string
	Currency     billing.Currency
	PoolID       *uuid.UUID // nil: the hours are good on every pool of the provider
	PoolName     string
	Name         string
	LeastHours   billing.Hours // of an order
	GoodDays     int           // from approval to expiry
	CreatedAt    time.Time
	EndedAt      *time.Time  // no longer sold
	Current      *OfferPrice // nil: none is in force now
	Next         *OfferPrice // the first one that has not begun
}

// OnSale tells whether hours may be ordered from the offer now, as far as the offer alone says.
func (o Offer) OnSale() bool { return o.EndedAt == nil && o.Current != nil }

// OfferPrice is a price of one compute hour in a half-open range.
type OfferPrice struct {
	ID        uuid.UUID
	Price     billing.UnitPrice
	From      time.Time
	Until     *time.Time // nil: no end is set
	SetBy     *uuid.UUID // nil: the operator's command
	SetByName string
	CreatedAt time.Time
	Orders    int // at this price; counted by OfferPrices alone
}

const selectOffers = `
	SELECT o.id, o.provider_id, p.name AS provider_name, p.currency, o.pool_id, coalesce(pl.name, '') AS pool_name, o.name,
	       o.least_hours, o.good_days, o.created_at, o.ended_at,
	       c.id AS current_id, c.price AS current_price, lower(c.during) AS current_from, upper(c.during) AS current_until,
	       c.set_by AS current_set_by, coalesce(cb.name, '') AS current_set_by_name, c.created_at AS current_created_at,
	       n.id AS next_id, n.price AS next_price, lower(n.during) AS next_from, upper(n.during) AS next_until,
	       n.set_by AS next_set_by, coalesce(nb.name, '') AS next_set_by_name, n.created_at AS next_created_at,
	       count(*) OVER () AS total
	  FROM offers o
	  JOIN providers p ON p.id = o.provider_id
	  LEFT JOIN pools pl ON pl.id = o.pool_id
	  LEFT JOIN offer_prices c ON c.offer_id = o.id AND c.during @> now()
	  LEFT JOIN LATERAL (SELECT * FROM offer_prices WHERE offer_id = o.id AND lower(during) > now() ORDER BY lower(during) LIMIT 1) n ON true
	  LEFT JOIN people cb ON cb.id = c.set_by
	  LEFT JOIN people nb ON nb.id = n.set_by`

// offerRow is an offer as it is read; the prices are absent where their ids are.
type offerRow struct {
	ID           uuid.UUID
	ProviderID   uuid.UUID
	ProviderName string
	Currency     billing.Currency
	PoolID       *uuid.UUID
	PoolName     string
	Name         string
	LeastHours   billing.Hours
	GoodDays     int
	CreatedAt    time.Time
	EndedAt      *time.Time

	CurrentID, CurrentSetBy                     *uuid.UUID
	CurrentPrice                                *int64
	CurrentFrom, CurrentUntil, CurrentCreatedAt *time.Time
	CurrentSetByName                            string
	NextID, NextSetBy                           *uuid.UUID
	NextPrice                                   *int64
	NextFrom, NextUntil, NextCreatedAt          *time.Time
	NextSetByName                               string
	Total                                       int
}

func (r offerRow) offer() Offer {
	o := Offer{
		ID: r.ID, ProviderID: r.ProviderID, ProviderName: r.ProviderName, Currency: r.Currency, PoolID: r.PoolID, PoolName: r.PoolName,
		Name: r.Name, LeastHours: r.LeastHours, GoodDays: r.GoodDays, CreatedAt: r.CreatedAt, EndedAt: r.EndedAt,
	}
	if r.CurrentID != nil {
		o.Current = &OfferPrice{
			ID: *r.CurrentID, Price: billing.UnitPrice{Millionths: *r.CurrentPrice, Currency: r.Currency}, From: *r.CurrentFrom,
			Until: r.CurrentUntil, SetBy: r.CurrentSetBy, SetByName: r.CurrentSetByName, CreatedAt: *r.CurrentCreatedAt,
		}
	}
	if r.NextID != nil {
		o.Next = &OfferPrice{
			ID: *r.NextID, Price: billing.UnitPrice{Millionths: *r.NextPrice, Currency: r.Currency}, From: *r.NextFrom,
			Until: r.NextUntil, SetBy: r.NextSetBy, SetByName: r.NextSetByName, CreatedAt: *r.NextCreatedAt,
		}
	}
	return o
}

// Offers lists a provider's offers with their present and next prices, those on sale first, at most 1000.
func (db *DB) Offers(ctx context.Context, providerID uuid.UUID) ([]Offer, error) {
	list, _, err := db.ListOffers(ctx, providerID, OfferFilter{Page: store.Page{Limit: 1000}})
	return list, err
}

// OffersForSale lists what may be ordered now: offers that are not ended and have a price, of active providers; by
// provider, then by price. At most 1000.
func (db *DB) OffersForSale(ctx context.Context) ([]Offer, error) {
	rows, _ := db.pool.Query(ctx, selectOffers+`
		WHERE p.state = 'active' AND o.ended_at IS NULL AND c.id IS NOT NULL
		ORDER BY p.name, c.price, o.id LIMIT 1000`)
	list, _, err := collectOffers(rows)
	return list, err
}

// PriceOn implements machines.Books.
func (db *DB) PriceOn(ctx context.Context, q store.Queryer, poolID uuid.UUID, now time.Time) (*billing.UnitPrice, error) {
	rows, _ := q.Query(ctx, `
		SELECT x.price AS millionths, pr.currency
		FROM pools p JOIN providers pr ON pr.id = p.provider_id AND pr.state = 'active'
		JOIN offers o ON o.provider_id = p.provider_id AND o.ended_at IS NULL AND (o.pool_id IS NULL OR o.pool_id = p.id)
		JOIN offer_prices x ON x.offer_id = o.id AND x.during @> $2::timestamptz
		WHERE p.id = $1 ORDER BY x.price LIMIT 1`, poolID, now)
	prices, err := store.All(rows, "price on a pool", pgx.RowToStructByName[billing.UnitPrice])
	if err != nil || len(prices) == 0 {
		return nil, err
	}
	return &prices[0], nil
}

// OfferFilter narrows and orders a provider's offers by name, hours (of an order's minimum), days, price or created.
type OfferFilter struct {
	Page  store.Page
	Sort  store.Sorting
	Name  string     // a part of it
	State string     // "sale", "ended"; empty: both
	Pool  *uuid.UUID // those for it alone
}

// ListOffers gives a page of a provider's offers and how many the filter leaves.
func (db *DB) ListOffers(ctx context.Context, providerID uuid.UUID, f OfferFilter) ([]Offer, int, error) {
	order := store.Sortable{
		"name": "o.name", "hours": "o.least_hours", "days": "o.good_days", "price": "c.price", "created": "o.created_at",
	}.OrderBy(f.Sort, "o.ended_at DESC NULLS FIRST, o.created_at DESC, o.id")
	const where = ` WHERE o.provider_id = $1 AND o.name ILIKE $2 AND ($3 = '' OR ($3 = 'ended') = (o.ended_at IS NOT NULL))
		AND ($4::uuid IS NULL OR o.pool_id = $4)`
	rows, _ := db.pool.Query(ctx, selectOffers+where+order+` LIMIT $5 OFFSET $6`,
		providerID, store.Like(f.Name), f.State, f.Pool, f.Page.Most(), f.Page.Skip())
	list, total, err := collectOffers(rows)
	if err != nil || len(list) > 0 || f.Page.Skip() == 0 {
		return list, total, err
	}
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM offers o`+where, providerID, store.Like(f.Name), f.State, f.Pool).Scan(&total)
	if err != nil {
		return nil, 0, fmt.Errorf("count offers: %w", err)
	}
	return nil, total, nil
}

func collectOffers(rows pgx.Rows) (list []Offer, total int, err error) {
	found, err := store.All(rows, "offers", pgx.RowToStructByName[offerRow])
	for _, r := range found {
		list, total = append(list, r.offer()), r.Total
	}
	return list, total, err
}

// Offer finds one of a provider's offers.
func (db *DB) Offer(ctx context.Context, providerID, offerID uuid.UUID) (Offer, error) {
	rows, _ := db.pool.Query(ctx, selectOffers+` WHERE o.provider_id = $1 AND o.id = $2`, providerID, offerID)
	r, err := store.One(rows, "offer", pgx.RowToStructByName[offerRow])
	return r.offer(), err
}

// PriceFilter narrows and orders a list of prices. Sorting keys: price, from, until, by, orders.
type PriceFilter struct {
	State string // now, next or past; empty: all
	store.Sorting
	store.Page
}

var priceColumns = store.Sortable{"price": "f.price", "from": "lower(f.during)", "until": "upper(f.during)", "by": "b.name", "orders": "orders"}

// OfferPrices gives a page of an offer's prices, the latest to begin first where the filter says nothing else, and how
// many the filter leaves.
func (db *DB) OfferPrices(ctx context.Context, providerID, offerID uuid.UUID, f PriceFilter) (list []OfferPrice, total int, err error) {
	const where = ` WHERE f.offer_id = $2 AND f.provider_id = $1
		AND ($3 = '' OR $3 = CASE WHEN lower(f.during) > now() THEN 'next' WHEN upper(f.during) <= now() THEN 'past' ELSE 'now' END)`
	args := []any{providerID, offerID, f.State}
	rows, _ := db.pool.Query(ctx, `
		SELECT f.id, f.price, p.currency, lower(f.during), upper(f.during), f.set_by, coalesce(b.name, ''), f.created_at,
		       (SELECT count(*) FROM orders r WHERE r.price_id = f.id) AS orders
		  FROM offer_prices f JOIN providers p ON p.id = f.provider_id LEFT JOIN people b ON b.id = f.set_by`+where+
		priceColumns.OrderBy(f.Sorting, "lower(f.during) DESC, f.id")+` LIMIT $4 OFFSET $5`, append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "prices", func(row pgx.CollectableRow) (OfferPrice, error) {
		var p OfferPrice
		err := row.Scan(&p.ID, &p.Price.Millionths, &p.Price.Currency, &p.From, &p.Until, &p.SetBy, &p.SetByName, &p.CreatedAt, &p.Orders)
		return p, err
	})
	if err != nil {
		return nil, 0, err
	}
	total, err = db.core.Count(ctx, `SELECT count(*) FROM offer_prices f`+where, args...)
	return list, total, err
}
