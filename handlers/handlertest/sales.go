package handlertest

import (
	"context"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/people"
)

// Sales is what North sold to the first organization.
type Sales struct {
	Offer    uuid.UUID // at 0.045 EUR, set by Admin, and at 0.05 EUR from tomorrow on
	Next     uuid.UUID // that price
	Waiting  uuid.UUID // an order of 20 h
	Approved uuid.UUID // one of 200 h
	Invoice  uuid.UUID // of Approved
}

// Sell lets North sell: an offer, an order that waits, and one that Accountant approved.
func (a *App) Sell(w *World) Sales {
	a.t.Helper()
	ctx := context.Background()
	a.ok(a.Store.People.UpdateProvider(ctx, uuid.Nil, w.North, people.ProviderWords{
		LegalName: "North Computing GmbH", InvoicePrefix: "NOR", AccountingZone: "Europe/Berlin", SupportContact: "help@north.example",
	}))
	var s Sales
	s.Offer = must(a.Store.Books.CreateOffer(ctx, w.people[Admin], w.North, books.NewOffer{
		Name: "standard", LeastHours: 10 * billing.ComputeHour, GoodDays: 365, Price: 45_000,
	}))(a)
	s.Waiting = a.Order(w, s.Offer, 20)
	s.Approved = a.Order(w, s.Offer, 200)
	a.ok(a.Store.Books.ApproveOrder(ctx, w.people[Accountant], w.North, s.Approved))
	s.Invoice = *must(a.Store.Books.OrderOfProvider(ctx, w.North, s.Approved))(a).InvoiceID
	now := must(a.Store.Core.Now(ctx))(a)
	s.Next = must(a.Store.Books.SetPrice(ctx, w.people[Admin], w.North, s.Offer, books.NewPrice{Millionths: 50_000, From: now.AddDate(0, 0, 1)}))(a)
	return s
}

// TakeBack issues a credit note over an hour of what was sold.
func (a *App) TakeBack(w *World, s Sales) uuid.UUID {
	a.t.Helper()
	return must(a.Store.Books.IssueCreditNote(context.Background(), w.people[Accountant], w.North, books.NewCreditNote{
		InvoiceID: s.Invoice, Line: 1, Hours: billing.ComputeHour, Reason: "ordered one too many",
	}))(a)
}

// References of what the first organization orders: words that no random code can have in it.
const (
	PurchaseOrder = "first-purchase-order"
	CostCentre    = "first-cost-centre"
)

// Order orders some compute hours for the first organization.
func (a *App) Order(w *World, offer uuid.UUID, hours int64) uuid.UUID {
	a.t.Helper()
	ctx := context.Background()
	o := must(a.Store.Books.Offer(ctx, w.North, offer))(a)
	return must(a.Store.Books.PlaceOrder(ctx, w.Organization, w.people[Owner], books.OrderRequest{
		OfferID: offer, PriceID: o.Current.ID, Hours: billing.Hours(hours) * billing.ComputeHour,
		References: store.References{PurchaseOrder: PurchaseOrder, CostCentre: CostCentre},
	}))(a)
}

// Price is the next price of what was sold.
func (a *App) Price(w *World, s Sales) books.OfferPrice {
	a.t.Helper()
	return *must(a.Store.Books.Offer(context.Background(), w.North, s.Offer))(a).Next
}
