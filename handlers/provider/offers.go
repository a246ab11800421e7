package provider

import (
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ListOffers shows what the provider sells compute hours by.
func (h Handlers) ListOffers(c echo.Context) error {
	l, q := request.ParseList(c, "name", "price", "hours", "days", "created"), request.ParseQuery(c)
	f := books.OfferFilter{Page: l.Page(), Sort: l.Sorting, Name: q.Typed("name")}
	if q.Has("state") {
		f.State = q.Choice("state", "a state", "sale", "ended")
	}
	offers, total, err := h.Books.ListOffers(c.Request().Context(), where(c), f)
	if err != nil {
		return err
	}
	p := web.OfferListProps{
		Layout: h.layout(c), List: page.List(l, total), Name: f.Name, State: f.State, MayChange: request.Allowed(c, request.ProviderPrices),
	}
	for _, o := range offers {
		p.Offers = append(p.Offers, offerRow(o))
	}
	return page.Render(c, http.StatusOK, web.OfferList(p))
}

func offerRow(o books.Offer) web.OfferRow {
	row := web.OfferRow{ID: o.ID, Name: o.Name, Pool: o.PoolName, LeastMCS: int64(o.LeastHours), GoodDays: o.GoodDays, Ended: page.Time(o.EndedAt)}
	if o.Current != nil {
		row.Price = &o.Current.Price
	}
	if o.Next != nil {
		row.Next, row.NextFrom = &o.Next.Price, o.Next.From
	}
	return row
}

// NewOffer shows the form of another offer.
func (h Handlers) NewOffer(c echo.Context) error {
	return h.offerForm(c, web.OfferNewProps{GoodDays: "365"}, nil)
}

// CreateOffer adds an offer, with its first price if one is given.
func (h Handlers) CreateOffer(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.OfferNewProps{
		Name: f.Typed("name"), Pool: f.Typed("pool"), LeastHours: f.Typed("least_hours"), GoodDays: f.Typed("good_days"), Price: f.Typed("price"),
	}
	ctx := c.Request().Context()
	x, err := h.People.Provider(ctx, where(c))
	if err != nil {
		return err
	}
	o := books.NewOffer{
		Name: f.Name("name", "a name", 1, 80), LeastHours: sales.Hours(f, "least_hours"), GoodDays: f.Int("good_days", "the days", 1, 3650),
	}
	if f.Has("pool") {
		o.PoolID = f.ID("pool", "one of your pools")
	}
	if f.Has("price") {
		o.Price = sales.Price(f, "price", billing.Currency(x.Currency)).Millionths
	}
	f.Also(o.Check())
	if r := f.Refusal(); r != nil {
		return h.offerForm(c, p, r)
	}
	id, err := h.Books.CreateOffer(ctx, who(c), where(c), o)
	if r, ok := respond.AsForm(err); ok {
		return h.offerForm(c, p, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, offerPath(id), offerNotice(o, x))
}

// offerNotice repeats what was understood of a new offer.
func offerNotice(o books.NewOffer, x people.Provider) string {
	notice := "The offer " + typed.Isolate(o.Name) + " is made: from " + sales.HoursUnderstood(o.LeastHours) + " on, good for " + ui.Plural(o.GoodDays, "day", "days")
	if o.Price != 0 {
		notice += ", at " + billing.UnitPrice{Millionths: o.Price, Currency: billing.Currency(x.Currency)}.String() + " an hour"
	}
	return notice + "."
}

func (h Handlers) offerForm(c echo.Context, p web.OfferNewProps, r *refusal.Error) error {
	x, err := h.People.Provider(c.Request().Context(), where(c))
	if err != nil {
		return err
	}
	if p.Pools, err = h.poolOptions(c); err != nil {
		return err
	}
	p.Layout, p.Currency = h.layout(c), x.Currency
	status := http.StatusOK
	if r != nil {
		p.Form, status = ui.Form{Refusal: r}, respond.Status(r.Code)
	}
	return page.Render(c, status, web.OfferNew(p))
}

// poolOptions are the provider's pools, for what may be narrowed to one.
func (h Handlers) poolOptions(c echo.Context) ([]ui.Option, error) {
	pools, _, err := h.Machines.ProviderPools(c.Request().Context(), where(c), machines.PoolFilter{Page: store.Page{Limit: 1000}})
	var options []ui.Option
	for _, x := range pools {
		options = append(options, ui.Option{Value: x.ID.String(), Label: "Pool " + x.Name + " alone"})
	}
	return options, err
}

// ShowOffer shows an offer and the history of its prices.
func (h Handlers) ShowOffer(c echo.Context) error {
	return h.offerPage(c, web.OfferShowProps{}, nil)
}

func (h Handlers) offerPage(c echo.Context, p web.OfferShowProps, r *refusal.Error) error {
	id, err := request.ID(c, "id", "offer")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	o, err := h.Books.Offer(ctx, where(c), id)
	if err != nil {
		return err
	}
	x, err := h.People.Provider(ctx, where(c))
	if err != nil {
		return err
	}
	l, q := request.ParseList(c, "price", "from", "until", "by", "orders"), request.ParseQuery(c)
	l.Path, p.State = offerPath(id), q.Typed("state")
	prices, total, err := h.Books.OfferPrices(ctx, where(c), id, books.PriceFilter{State: p.State, Sorting: l.Sorting, Page: l.Page()})
	if err != nil {
		return err
	}
	p.Layout, p.List, p.Offer, p.Created, p.Currency, p.Zone = h.layout(c), page.List(l, total), offerRow(o), o.CreatedAt, x.Currency, x.AccountingZone
	p.MayChange = request.Allowed(c, request.ProviderPrices)
	for _, f := range prices {
		p.Prices = append(p.Prices, web.PriceRow{
			ID: f.ID, Price: f.Price, From: f.From, Until: page.Time(f.Until), State: priceState(f, p.Layout.Now), SetBy: f.SetByName, Orders: f.Orders,
		})
	}
	status := http.StatusOK
	if r != nil {
		p.Form, status = ui.Form{Refusal: r}, respond.Status(r.Code)
	}
	return page.Render(c, status, web.OfferShow(p))
}

func priceState(p books.OfferPrice, now time.Time) string {
	switch {
	case p.From.After(now):
		return "next"
	case p.Until != nil && !p.Until.After(now):
		return "past"
	default:
		return "now"
	}
}

// CreatePrice gives an offer another price.
func (h Handlers) CreatePrice(c echo.Context) error {
	id, err := request.ID(c, "id", "offer")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	x, err := h.People.Provider(ctx, where(c))
	if err != nil {
		return err
	}
	p := web.OfferShowProps{Price: f.Typed("price"), From: f.Typed("from"), Until: f.Typed("until")}
	now := time.Now()
	n, err := typedPrice(f, x, now)
	if err != nil {
		return err
	}
	f.Also(n.Check(now))
	if r := f.Refusal(); r != nil {
		return h.offerPage(c, p, r)
	}
	_, err = h.Books.SetPrice(ctx, who(c), where(c), id, n)
	if r, ok := respond.AsForm(err); ok {
		return h.offerPage(c, p, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, offerPath(id), priceNotice(n, x))
}

// typedPrice reads a price of an offer and its days, which are the provider's; one from today on begins now.
func typedPrice(f *request.Form, x people.Provider, now time.Time) (n books.NewPrice, err error) {
	zone, err := zoneOf(x)
	if err != nil {
		return n, err
	}
	n.Millionths = sales.Price(f, "price", billing.Currency(x.Currency)).Millionths
	if day, ok := f.Day("from"); ok && day != typed.DayOf(now, zone) {
		n.From = day.Start(zone) // today is the zero time, for which the store takes its own clock
	}
	if day, ok := f.Day("until"); ok {
		n.Until = day.Start(zone)
	}
	return n, nil
}

func zoneOf(x people.Provider) (*time.Location, error) {
	zone, err := time.LoadLocation(x.AccountingZone)
	if err != nil {
		return nil, fmt.Errorf("accounting zone of %s: %w", x.Name, err)
	}
	return zone, nil
}

// priceNotice repeats the price that was understood, and when it begins.
func priceNotice(n books.NewPrice, x people.Provider) string {
	from := "now"
	if !n.From.IsZero() {
		from = n.From.Format("2 Jan 2006, 15:04") + " " + x.AccountingZone
	}
	price := billing.UnitPrice{Millionths: n.Millionths, Currency: billing.Currency(x.Currency)}
	return "The price of a compute hour is " + price.String() + " from " + from + " on. Somebody else has to approve orders at it."
}

// WithdrawPrice takes back a price that has not begun.
func (h Handlers) WithdrawPrice(c echo.Context) error {
	id, err := request.ID(c, "id", "offer")
	if err != nil {
		return err
	}
	priceID, err := request.ID(c, "price", "price")
	if err != nil {
		return err
	}
	err = h.Books.WithdrawPrice(c.Request().Context(), who(c), where(c), id, priceID)
	if r, ok := respond.AsForm(err); ok {
		return h.offerPage(c, web.OfferShowProps{}, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, offerPath(id), "The price is withdrawn. The one before it goes on.")
}

// EndOffer takes an offer off the market.
func (h Handlers) EndOffer(c echo.Context) error {
	id, err := request.ID(c, "id", "offer")
	if err != nil {
		return err
	}
	err = h.Books.EndOffer(c.Request().Context(), who(c), where(c), id)
	if r, ok := respond.AsForm(err); ok {
		return h.offerPage(c, web.OfferShowProps{}, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, offerPath(id), "The offer is ended. Nothing more is sold by it.")
}

func offerPath(id uuid.UUID) string { return "/provider/offers/" + id.String() }
