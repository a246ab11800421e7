package org

import (
	"fmt"
	"net/http"
	"strings"

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
	web "volary.dev/web/sales"
	"volary.dev/web/ui"
)

// ListOrders shows what the organization ordered.
func (h Handlers) ListOrders(c echo.Context) error {
	orgID, _ := where(c)
	l, f := sales.OrderFilter(c)
	orders, total, sums, err := h.Books.OrdersOfOrganization(c.Request().Context(), orgID, f)
	if err != nil {
		return err
	}
	return page.Live(c, web.OrderList(sales.OrderList(c, h.layout(c), web.Buyer, l, orders, total, sums)))
}

// ShowOrder shows one order.
func (h Handlers) ShowOrder(c echo.Context) error { return h.orderPage(c, nil) }

func (h Handlers) orderPage(c echo.Context, refusal *refusal.Error) error {
	orgID, personID := where(c)
	id, err := request.ID(c, "id", "order")
	if err != nil {
		return err
	}
	o, err := h.Books.OrderOfOrganization(c.Request().Context(), orgID, id)
	if err != nil {
		return err
	}
	p, status := sales.Order(h.layout(c), web.Buyer, personID, o), http.StatusOK
	if refusal != nil {
		p.Form, status = ui.Form{Refusal: refusal}, respond.Status(refusal.Code)
	}
	if status == http.StatusOK {
		return page.Live(c, web.OrderShow(p))
	}
	return page.Render(c, status, web.OrderShow(p))
}

// WithdrawOrder takes a waiting order back.
func (h Handlers) WithdrawOrder(c echo.Context) error {
	orgID, personID := where(c)
	id, err := request.ID(c, "id", "order")
	if err != nil {
		return err
	}
	err = h.Books.WithdrawOrder(c.Request().Context(), personID, orgID, id)
	if r, ok := respond.AsForm(err); ok {
		return h.orderPage(c, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, orderPath(id), "The order is withdrawn. Nothing is owed.")
}

// NewOrder shows the form of an order, and the amount once offer and hours are known.
func (h Handlers) NewOrder(c echo.Context) error {
	q := request.ParseQuery(c)
	offers, err := h.Books.OffersForSale(c.Request().Context())
	if err != nil {
		return err
	}
	suggestOrder(q, offers)
	p := orderForm(q)
	r := q.Refusal()
	if q.Has("offer") && q.Has("hours") {
		if r, err = h.quoteOrder(c, q, &p); err != nil {
			return err
		}
	}
	if request.IsFragment(c) { // what cannot be computed is said where the amount would stand; the fields are marked when the page is loaded whole
		p.Form, p.Aside, p.Offers = ui.Form{Refusal: r}, true, offerOptions(offers)
		return page.Live(c, web.OrderNew(p))
	}
	return h.orderFormPage(c, p, r)
}

// suggestOrder fills in what was not sent at all, so that the form shows an amount at once: the first offer, and the least
// that is sold by the one that is chosen.
func suggestOrder(q *request.Form, offers []books.Offer) {
	if len(offers) > 0 {
		q.Default("offer", offers[0].ID.String())
	}
	for _, o := range offers {
		if o.ID.String() == q.Typed("offer") {
			q.Default("hours", sales.HoursText(o.LeastHours))
		}
	}
}

// CreateOrder orders the hours at the price that the form showed.
func (h Handlers) CreateOrder(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := orderForm(f)
	r := books.OrderRequest{
		OfferID: f.ID("offer", "an offer"), Hours: sales.Hours(f, "hours"), Note: strings.TrimSpace(f.Lines("note", "the note", 4000)),
		References: store.References{
			PurchaseOrder: f.Text("purchase_order", "the purchase order", 0, 80), CostCentre: f.Text("cost_centre", "the cost centre", 0, 80),
			GrantNumber: f.Text("grant_number", "the grant number", 0, 80),
		},
	}
	refusal := f.Refusal()
	quoted, err := h.quoteOrder(c, f, &p)
	switch {
	case err != nil:
		return err
	case refusal == nil:
		refusal = quoted
	}
	if refusal == nil && (f.Typed("shown_offer") != f.Typed("offer") || f.Typed("shown_hours") != f.Typed("hours")) {
		refusal = unseen(p)
	}
	if refusal != nil {
		return h.orderFormPage(c, p, refusal)
	}
	r.PriceID, _ = uuid.Parse(f.Typed("price"))
	orgID, personID := where(c)
	id, err := h.Books.PlaceOrder(c.Request().Context(), orgID, personID, r)
	if refusal, ok := respond.AsForm(err); ok {
		return h.orderFormPage(c, p, refusal)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, orderPath(id), "The order of "+sales.HoursUnderstood(r.Hours)+" for "+web.Amount(p.Quote.Amount)+" waits for "+typed.Isolate(p.Quote.Provider)+".")
}

// unseen refuses an order whose amount the form has not shown.
func unseen(p web.OrderNewProps) *refusal.Error {
	return &refusal.Error{
		Code: "stale_form", Title: fmt.Sprintf("The amount for %s is %s.", p.Quote.Hours+" "+ui.CH, web.Amount(p.Quote.Amount)),
		Next: "Look at it, and send the form again to order.",
	}
}

func orderForm(f *request.Form) web.OrderNewProps {
	return web.OrderNewProps{
		Offer: f.Typed("offer"), Hours: f.Typed("hours"), Note: f.Typed("note"),
		References: web.References{PurchaseOrder: f.Typed("purchase_order"), CostCentre: f.Typed("cost_centre"), GrantNumber: f.Typed("grant_number")},
	}
}

// quoteOrder computes the amount for the form, or says why there is none.
func (h Handlers) quoteOrder(c echo.Context, f *request.Form, p *web.OrderNewProps) (*refusal.Error, error) {
	offer, hours := f.ID("offer", "an offer"), sales.Hours(f, "hours")
	if r := f.Refusal(); r != nil {
		return r, nil
	}
	orgID, _ := where(c)
	q, err := h.Books.QuoteOrder(c.Request().Context(), orgID, offer, hours)
	if r, ok := refusal.As(err); ok && r.Code == "not_found" && c.Request().Method == http.MethodGet {
		f.Wrong("offer", "There is no such offer any more: choose one.")
		return f.Refusal(), nil
	}
	if err != nil || q.Refusal != nil {
		return q.Refusal, err
	}
	p.Quote = &web.Quote{
		Offer: q.Offer.Name, Provider: q.Offer.ProviderName, Pool: q.Offer.PoolName, PriceID: q.Offer.Current.ID.String(), OfferID: offer.String(),
		Hours: f.Typed("hours"), HoursMCS: int64(hours), Price: q.Offer.Current.Price, Amount: q.Amount, Taxes: q.Taxes, GoodDays: q.Offer.GoodDays,
	}
	return nil, nil
}

func (h Handlers) orderFormPage(c echo.Context, p web.OrderNewProps, r *refusal.Error) error {
	offers, err := h.Books.OffersForSale(c.Request().Context())
	if err != nil {
		return err
	}
	p.Offers, p.Layout = offerOptions(offers), h.layout(c)
	status := http.StatusOK
	if r != nil {
		p.Form = ui.Form{Refusal: r}
		status = respond.Status(r.Code)
	}
	return page.Render(c, status, web.OrderNew(p))
}

func offerOptions(offers []books.Offer) (list []ui.Option) {
	for _, o := range offers {
		list = append(list, ui.Option{
			Value: o.ID.String(),
			Label: fmt.Sprintf("%s, %s: %s a compute hour, from %s on", typed.Isolate(o.ProviderName), typed.Isolate(o.Name), o.Current.Price, ui.ComputeHours(int64(o.LeastHours))),
		})
	}
	return list
}

// ShowOrderQuote shows a page to print, before anything is ordered.
func (h Handlers) ShowOrderQuote(c echo.Context) error {
	f := request.ParseQuery(c)
	offer, hours := f.ID("offer", "an offer"), sales.Hours(f, "hours")
	if r := f.Refusal(); r != nil {
		return h.orderFormPage(c, orderForm(f), r)
	}
	orgID, _ := where(c)
	q, err := h.Books.QuoteOrder(c.Request().Context(), orgID, offer, hours)
	if err != nil {
		return err
	}
	if q.Refusal != nil {
		return h.orderFormPage(c, orderForm(f), q.Refusal)
	}
	return page.Render(c, http.StatusOK, web.OrderQuote(web.OrderQuoteProps{
		Layout: h.layout(c), Seller: web.Party{Name: q.Seller.Name, TaxID: q.Seller.TaxID, Contact: q.Seller.SupportContact, Terms: q.Seller.Terms},
		Buyer: web.Party{Name: q.Organization}, At: q.At, PriceUntil: page.Time(q.Offer.Current.Until), Offer: q.Offer.Name, Pool: q.Offer.PoolName,
		OfferID: offer.String(), HoursTyped: f.Typed("hours"), Hours: int64(hours), Price: q.Offer.Current.Price, Amount: q.Amount,
		Taxes: q.Taxes, InWords: billing.WithTax(q.Amount, q.Taxes).Words(), GoodDays: q.Offer.GoodDays,
	}))
}

func orderPath(id uuid.UUID) string { return "/org/orders/" + id.String() }
