package sales

import (
	"fmt"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/typed"
	"volary.dev/store/books"
	"volary.dev/web/layout"
	web "volary.dev/web/sales"
	"volary.dev/web/ui"
)

// InvoiceList makes the props of a list of invoices.
func InvoiceList(c echo.Context, frame layout.Props, side web.Side, l request.List, invoices []books.Invoice, total int, sums []books.Total) (web.InvoiceListProps, error) {
	q := request.ParseQuery(c)
	p := web.InvoiceListProps{
		Layout: frame, Side: side, List: page.List(l, total), Search: q.Typed("search"), Since: q.Typed("since"), Until: q.Typed("until"), Open: q.Typed("open"), Sums: Sums(sums),
	}
	for _, i := range invoices {
		zone, err := zoneOf(i)
		if err != nil {
			return p, err
		}
		p.Invoices = append(p.Invoices, web.InvoiceRow{
			ID: i.ID, Number: i.Number, Party: party(side, i.ProviderName, i.OrganizationName), Net: i.Net, Open: i.Open, Due: orNoDay(i.DueOn),
			Late: i.Open.Minor > 0 && !i.DueOn.IsZero() && i.DueOn.Compare(typed.DayOf(frame.Now, zone)) < 0, Issued: i.IssuedAt, Zone: zone,
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
		Layout: frame, Side: side, ID: i.ID, Number: i.Number, Seller: sellerOn(i.Seller, i.TaxID, i.Printed), Buyer: buyerOn(i.Buyer, i.Printed), Issued: i.IssuedAt.In(zone), Due: paperDay(i.DueOn),
		Net: i.Net, Open: i.Open, Taxes: i.Taxes, InWords: i.Total.Words(),
	}
	p.Seller.Contact, p.Seller.Terms = i.SupportContact, i.Terms // of before they were copied, those of now
	for _, x := range i.Settled {
		p.Settled = append(p.Settled, web.Settlement{Kind: string(x.Kind), PaidOn: paperDay(x.PaidOn), Reference: x.Reference, Amount: x.Amount})
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

// sellerOn is the seller of a paper as it was printed.
func sellerOn(name, taxID string, printed billing.Printed) web.Party {
	return web.Party{
		Name: name, TaxID: taxID, Contact: printed["seller_contact"], Terms: printed["terms"], Address: printed["seller_address"],
		Country: billing.CountryName(printed["seller_country"]), VATID: printed["seller_vat_id"], Bank: printed["seller_bank"], IBAN: printed["seller_iban"], BIC: printed["seller_bic"],
	}
}

// buyerOn is the buyer of a paper as it was printed.
func buyerOn(name string, printed billing.Printed) web.Party {
	return web.Party{
		Name: name, Address: printed["buyer_address"], Country: billing.CountryName(printed["buyer_country"]), VATID: printed["buyer_vat_id"], Contact: printed["buyer_contact"],
	}
}

// InvoiceLines are the choices of a line of an invoice.
func InvoiceLines(i books.Invoice) []ui.Option {
	var list []ui.Option
	for n, l := range i.Lines {
		list = append(list, ui.Option{Value: strconv.Itoa(n + 1), Label: fmt.Sprintf("%d: %s, order %d", n+1, l.Description, l.OrderNumber)})
	}
	return list
}

func orNoDay(d typed.Day) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// paperDay is a day as papers write it.
func paperDay(d typed.Day) string {
	if d.IsZero() {
		return ""
	}
	return d.Start(time.UTC).Format("2 January 2006")
}
