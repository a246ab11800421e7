package sales

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/web/layout"
	web "volary.dev/web/sales"
)

// OrderList makes the props of a list of orders.
func OrderList(c echo.Context, frame layout.Props, side web.Side, l request.List, orders []books.Order, total int, sums []books.Total) web.OrderListProps {
	q := request.ParseQuery(c)
	p := web.OrderListProps{
		Layout: frame, Side: side, List: page.List(l, total), State: q.Typed("state"), Search: q.Typed("search"),
		Since: q.Typed("since"), Until: q.Typed("until"), Sums: Sums(sums),
	}
	for _, o := range orders {
		p.Orders = append(p.Orders, web.OrderRow{
			ID: o.ID, Number: o.Number, Party: party(side, o.ProviderName, o.OrganizationName), Offer: o.OfferName, Hours: int64(o.Hours),
			Amount: o.Amount, State: string(o.State), Created: o.CreatedAt, References: References(o.References),
		})
	}
	return p
}

// Order makes the props of one order.
func Order(frame layout.Props, side web.Side, reader uuid.UUID, o books.Order) web.OrderShowProps {
	p := web.OrderShowProps{
		Layout: frame, Side: side, ID: o.ID, Number: o.Number, State: string(o.State), Party: party(side, o.ProviderName, o.OrganizationName),
		PartyPath: party(side, "", "/provider/organizations/"+o.OrganizationID.String()),
		Offer:     o.OfferName, Pool: o.PoolName, Hours: int64(o.Hours), Price: o.Price, PriceSetBy: o.PriceSetByName,
		OwnPrice: o.PriceSetBy != nil && *o.PriceSetBy == reader, Amount: o.Amount, GoodDays: o.GoodDays, References: References(o.References),
		Note: o.Note, OrderedBy: o.OrderedByName, Created: o.CreatedAt, DecidedBy: o.DecidedByName, Decided: page.Time(o.DecidedAt),
		Reason: o.Reason, GoodUntil: page.Time(o.GoodUntil), Invoice: o.InvoiceNumber, Open: o.Open, TakenBack: int64(o.TakenBack),
	}
	if o.InvoiceID != nil {
		p.InvoiceID = *o.InvoiceID
	}
	return p
}

// Sums are a list's totals.
func Sums(totals []books.Total) []web.Sum {
	var list []web.Sum
	for _, t := range totals {
		list = append(list, web.Sum{Hours: int64(t.Hours), Amount: t.Amount})
	}
	return list
}

// References are an order's.
func References(r store.References) web.References {
	return web.References{PurchaseOrder: r.PurchaseOrder, CostCentre: r.CostCentre, GrantNumber: r.GrantNumber}
}

// party is the other side's name.
func party(side web.Side, provider, organization string) string {
	if side == web.Buyer {
		return provider
	}
	return organization
}
