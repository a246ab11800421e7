package sales

import (
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/books"
	"volary.dev/web/layout"
	web "volary.dev/web/sales"
)

// InvoiceList makes the props of a list of invoices.
func InvoiceList(c echo.Context, frame layout.Props, side web.Side, l request.List, invoices []books.Invoice, total int, sums []books.Total) (web.InvoiceListProps, error) {
	q := request.ParseQuery(c)
	p := web.InvoiceListProps{
		Layout: frame, Side: side, List: page.List(l, total), Search: q.Typed("search"), Since: q.Typed("since"), Until: q.Typed("until"), Sums: Sums(sums),
	}
	for _, i := range invoices {
		zone, err := zoneOf(i)
		if err != nil {
			return p, err
		}
		p.Invoices = append(p.Invoices, web.InvoiceRow{
			ID: i.ID, Number: i.Number, Party: party(side, i.ProviderName, i.OrganizationName), Net: i.Net, Issued: i.IssuedAt, Zone: zone,
		})
	}
	return p, nil
}

// zoneOf is by whose days an invoice's seller keeps its books.
func zoneOf(i books.Invoice) (*time.Location, error) {
	zone, err := time.LoadLocation(i.AccountingZone)
	if err != nil {
		return nil, fmt.Errorf("accounting zone of %s: %w", i.ProviderName, err)
	}
	return zone, nil
}

// Invoice makes the props of one invoice. Its day is that of the provider's accounting zone.
func Invoice(frame layout.Props, side web.Side, i books.Invoice) (web.InvoiceShowProps, error) {
	zone, err := zoneOf(i)
	if err != nil {
		return web.InvoiceShowProps{}, err
	}
	p := web.InvoiceShowProps{
		Layout: frame, Side: side, Number: i.Number, Seller: web.Party{Name: i.Seller, TaxID: i.TaxID, Contact: i.SupportContact, Terms: i.Terms},
		Buyer: i.Buyer, Issued: i.IssuedAt.In(zone), Net: i.Net, NetInWords: i.Net.Words(),
	}
	if i.Head.Seq > 0 {
		p.Entry, p.Head = i.Head.Seq, i.Head.Mark()
	}
	for _, x := range i.Lines {
		p.Lines = append(p.Lines, web.InvoiceLine{
			OrderID: x.OrderID, Order: x.OrderNumber, Description: x.Description, Hours: int64(x.Hours), Price: x.Price, Amount: x.Amount,
			GoodUntil: page.Time(x.GoodUntil), References: References(x.References),
		})
	}
	return p, nil
}
