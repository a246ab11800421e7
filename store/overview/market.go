package overview

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
)

// MarketNeed is what somebody looks for: nodes of one size, the head among them, for a time.
type MarketNeed struct {
	Nodes        int
	Shape        provisioner.Shape // each node has at least this
	LeaseSeconds int64
}

// MarketFilter narrows what Market compares. Zero fields narrow nothing.
type MarketFilter struct {
	Provider      uuid.UUID
	Location      string
	MostPer       *int64 // millionths of each provider's own currency unit per compute hour; hides what has no price
	store.Sorting        // provider, location, price, hour, cost, free, start; else the first to start, of those the cheapest
	store.Page
}

// MarketRow is one offer for one pool, or a pool that has no public price, judged for a need.
type MarketRow struct {
	ProviderID   uuid.UUID
	ProviderName string
	PoolID       uuid.UUID
	PoolName     string
	Location     string
	Certified    bool          // its provider launches nothing without a certificate
	OfferID      uuid.UUID     // Nil: no public price
	OfferName    string        // empty likewise
	LeastHours   billing.Hours // of an order
	GoodDays     int           // from an order's approval
	Price        *billing.UnitPrice
	Shape        machines.Shape // the provider's cheapest that covers the need
	Made         provisioner.Processors
	RatePerHour  billing.Hours // of all nodes
	Need         billing.Hours // for the whole lease
	CostPerHour  *billing.Money
	Cost         *billing.Money // of the whole lease
	Owned        billing.Hours  // left at this provider, of the organization that asks
	ToBuy        billing.Hours
	FreeVCPUs    int // that clusters may take now
	VCPUs        int // that clusters may take at all
	FreeMiB      int
	When         placement.When
	Start        time.Time         // of placement.WhenAt
	Short        []placement.Short // what keeps it from starting now; of WhenLarger with nothing in the pool
	MaxLease     int               // hours; 0 where the need's lease is within it
	Lowest       bool              // of all rows that can start now it has the lowest price, and there are others
}

// Startable tells whether what was asked for can start here, now or later.
func (row MarketRow) Startable() bool {
	return row.MaxLease == 0 && row.When != placement.WhenLarger && row.When != placement.WhenUnfit && row.When != placement.WhenClosed
}

// Market is a page of a comparison.
type Market struct {
	Rows      []MarketRow
	Total     int         // rows that the filters leave
	Lacking   int         // pools left out because their provider has no shape that large
	Providers []uuid.UUID // all active ones that have pools, whatever the filters
	Locations []string    // of all their pools, in order
	Now       time.Time
}

// Market compares what active providers sell for a need, in a fixed number of queries whatever the number of pools.
// orgID (uuid.Nil: nobody's) is whose hours are looked up.
func (db *DB) Market(ctx context.Context, orgID uuid.UUID, need MarketNeed, f MarketFilter) (m Market, err error) {
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		r, err := readMarket(ctx, tx, orgID)
		if err != nil {
			return err
		}
		m = r.compare(need, f)
		return nil
	})
	if err != nil {
		return Market{}, fmt.Errorf("market: %w", err)
	}
	return m, nil
}

func (r marketReading) compare(need MarketNeed, f MarketFilter) Market {
	m := Market{Now: r.Now}
	for _, p := range r.Pools {
		if !slices.Contains(m.Providers, p.ProviderID) {
			m.Providers = append(m.Providers, p.ProviderID)
		}
		if p.Location != "" && !slices.Contains(m.Locations, p.Location) {
			m.Locations = append(m.Locations, p.Location)
		}
		if f.Provider != uuid.Nil && p.ProviderID != f.Provider || f.Location != "" && p.Location != f.Location {
			continue
		}
		rows := r.judge(p, need)
		if rows == nil {
			m.Lacking++
		}
		for _, row := range rows {
			if f.MostPer == nil || row.Price != nil && row.Price.Millionths <= *f.MostPer {
				m.Rows = append(m.Rows, row)
			}
		}
	}
	slices.Sort(m.Locations)
	sortMarket(m.Rows, f.Sorting)
	markLowest(m.Rows)
	m.Total = len(m.Rows)
	m.Rows = m.Rows[min(f.Skip(), m.Total):min(f.Skip()+f.Most(), m.Total)]
	return m
}

// judge makes a row for each offer whose hours are good on a pool; none where the provider has no shape large enough, or
// one whose rate makes a need that nobody could book.
func (r marketReading) judge(p marketPool, need MarketNeed) []MarketRow {
	shape, ok := machines.Cheapest(r.Shapes[p.ProviderID], need.Shape)
	if !ok {
		return nil
	}
	row := MarketRow{
		ProviderID: p.ProviderID, ProviderName: p.ProviderName, PoolID: p.ID, PoolName: p.Name, Location: p.Location, Certified: p.Certified, Shape: shape, Made: r.Made[p.ID],
	}
	if err := row.measure(need); err != nil {
		return nil
	}
	if need.LeaseSeconds > int64(p.MaxLeaseHours)*3600 {
		row.MaxLease = p.MaxLeaseHours
	}
	room := r.room(p)
	row.VCPUs, row.FreeVCPUs, row.FreeMiB = room.free()
	node := placement.Node{Size: shape.Size()}
	row.When, row.Start, row.Short = room.earliest(placement.Request{
		Head: node, Groups: []placement.Group{{Name: string(provisioner.RoleCompute), Node: node, Count: need.Nodes - 1}},
	})
	if row.MaxLease > 0 {
		row.Short = append(row.Short, placement.Short{Resource: placement.ResourceLease, Need: int(need.LeaseSeconds), Of: p.MaxLeaseHours * 3600})
	}
	row.Owned = r.Owned[books.OwnedAt{ProviderID: p.ProviderID, PoolID: uuid.Nil}] + r.Owned[books.OwnedAt{ProviderID: p.ProviderID, PoolID: p.ID}]
	row.ToBuy = max(row.Need-row.Owned, 0)
	var rows []MarketRow
	for _, o := range r.Offers[p.ProviderID] {
		if o.PoolID != nil && *o.PoolID != p.ID {
			continue
		}
		if priced, ok := row.priced(o, billing.Currency(p.Currency)); ok {
			rows = append(rows, priced)
		}
	}
	if rows == nil {
		rows = []MarketRow{row}
	}
	return rows
}

// measure computes what all nodes take: in an hour, and for the whole lease.
func (row *MarketRow) measure(need MarketNeed) (err error) {
	rates := make([]billing.Rate, need.Nodes)
	for i := range rates {
		rates[i] = row.Shape.Rate
	}
	if row.RatePerHour, err = billing.Need(rates, 3600); err != nil {
		return err
	}
	if row.Need, err = billing.Need(rates, need.LeaseSeconds); err != nil {
		return err
	}
	return row.Need.CheckAmount()
}

// priced is the row at an offer's price; not ok where the cost is more than can be booked. Both costs are computed from
// the hours, each rounded once.
func (row MarketRow) priced(o marketOffer, currency billing.Currency) (MarketRow, bool) {
	price := billing.UnitPrice{Millionths: o.Price, Currency: currency}
	hour, hourErr := price.Price(row.RatePerHour)
	cost, costErr := price.Price(row.Need)
	if hourErr != nil || costErr != nil {
		return row, false
	}
	row.OfferID, row.OfferName, row.LeastHours, row.GoodDays = o.ID, o.Name, o.LeastHours, o.GoodDays
	row.Price, row.CostPerHour, row.Cost = &price, &hour, &cost
	return row, true
}

// markLowest marks the lowest price where prices can be compared: in one currency, of rows that can start now. What cannot is
// no price that anybody can have.
func markLowest(rows []MarketRow) {
	var lowest *billing.UnitPrice
	for _, row := range rows {
		switch {
		case row.Price == nil:
		case lowest != nil && row.Price.Currency != lowest.Currency:
			return
		case !row.now():
			lowest = cmp.Or(lowest, &billing.UnitPrice{Millionths: math.MaxInt64, Currency: row.Price.Currency})
		case lowest == nil || row.Price.Millionths < lowest.Millionths:
			lowest = row.Price
		}
	}
	for i := range rows {
		rows[i].Lowest = len(rows) > 1 && rows[i].now() && rows[i].Price != nil && rows[i].Price.Millionths == lowest.Millionths
	}
}

// now tells whether what was asked for can start here at once.
func (row MarketRow) now() bool { return row.When == placement.WhenNow && row.MaxLease == 0 }

// sortMarket orders rows. Of prices and costs those come last that nobody could have: first of what cannot start as it was
// asked for, then of what has none. Ties are by provider, pool and offer.
func sortMarket(rows []MarketRow, by store.Sorting) {
	slices.SortFunc(rows, func(a, b MarketRow) int {
		c := compareMarket(a, b, by.By)
		if by.Desc {
			c = -c
		}
		priced := ifPriced(by.By)
		return cmp.Or(cmp.Compare(startOrder(a, by.By), startOrder(b, by.By))*priced, cmp.Compare(priceless(a), priceless(b))*priced, c, cmp.Compare(a.ProviderName, b.ProviderName),
			cmp.Compare(a.PoolName, b.PoolName), cmp.Compare(a.OfferName, b.OfferName), cmp.Compare(a.OfferID.String(), b.OfferID.String()))
	})
}

func compareMarket(a, b MarketRow, key string) int {
	switch key {
	case "provider":
		return cmp.Compare(a.ProviderName, b.ProviderName)
	case "location":
		return cmp.Compare(a.Location, b.Location)
	case "price":
		return cmp.Compare(a.millionths(), b.millionths())
	case "hour":
		return compareMoney(a.CostPerHour, b.CostPerHour)
	case "free":
		return cmp.Compare(a.FreeVCPUs, b.FreeVCPUs)
	case "start":
		return cmp.Or(cmp.Compare(startOrder(a, ""), startOrder(b, "")), a.Start.Compare(b.Start))
	default:
		return compareMoney(a.Cost, b.Cost)
	}
}

// compareMoney compares amounts as they are written; different currencies are not converted.
func compareMoney(a, b *billing.Money) int {
	if a == nil || b == nil {
		return 0
	}
	places := func(m *billing.Money) int { n, _ := m.Currency.MinorDigits(); return n }
	x, y := a.Minor, b.Minor
	for n := places(a); n < 3; n++ {
		x *= 10
	}
	for n := places(b); n < 3; n++ {
		y *= 10
	}
	return cmp.Compare(x, y)
}

func (row MarketRow) millionths() int64 {
	if row.Price == nil {
		return 0
	}
	return row.Price.Millionths
}

func priceless(row MarketRow) int {
	if row.Price == nil {
		return 1
	}
	return 0
}

// ifPriced is 1 for the orders in which a row without a price has no place of its own.
func ifPriced(key string) int {
	switch key {
	case "provider", "location", "free", "start":
		return 0
	default:
		return 1
	}
}

// startOrder ranks rows by when they can start: all steps where nothing else is asked for, else whether they can at all.
func startOrder(row MarketRow, key string) int {
	switch {
	case key == "" && row.MaxLease > 0:
		return whenOrder(placement.WhenLarger)
	case key == "":
		return whenOrder(row.When)
	case row.Startable():
		return 0
	default:
		return 1
	}
}

func whenOrder(w placement.When) int {
	return slices.Index([]placement.When{placement.WhenNow, placement.WhenAt, placement.WhenOpen, placement.WhenLarger, placement.WhenUnfit, placement.WhenClosed}, w)
}
