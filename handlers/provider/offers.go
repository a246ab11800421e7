package provider

import (
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
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
		Name: f.Text("name", "a name", 1, 80), LeastHours: typedHours(f, "least_hours"), GoodDays: f.Int("good_days", "the days", 1, 3650),
	}
	if f.Has("pool") {
		o.PoolID = f.ID("pool", "one of your pools")
	}
	if f.Has("price") {
		o.Price = typedPrice(f, x.Currency)
	}
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
	return h.Frame.Done(c, offerPath(id), "The offer "+o.Name+" is made.")
}

// typedHours reads compute hours; a comma is taken for a point.
func typedHours(f *request.Form, field string) billing.Hours {
	hours, err := billing.ParseHours(strings.Replace(f.Typed(field), ",", ".", 1))
	if err != nil {
		f.Wrong(field, "This is "+err.Error()+".")
	}
	return hours
}

func typedPrice(f *request.Form, currency string) int64 {
	price, err := billing.ParseUnitPrice(f.Typed("price"), billing.Currency(currency))
	if err != nil {
		f.Wrong("price", "This is "+err.Error()+".")
	}
	return price.Millionths
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
	n := books.NewPrice{Millionths: typedPrice(f, x.Currency), From: typedDay(f, "from", x.AccountingZone), Until: typedDay(f, "until", x.AccountingZone)}
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
	return h.Frame.Done(c, offerPath(id), "The price is set. Somebody else has to approve orders at it.")
}

// typedDay reads the beginning of a day in a zone; the zero time where nothing was typed.
func typedDay(f *request.Form, field, zone string) time.Time {
	if !f.Has(field) {
		return time.Time{}
	}
	place, err := time.LoadLocation(zone)
	if err != nil {
		place = time.UTC
	}
	t, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(f.Typed(field)), place)
	if err != nil || t.Year() < 2000 || t.Year() > 2999 {
		f.Wrong(field, "Write the day as 2026-11-30.")
		return time.Time{}
	}
	return t
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
