package sales

import (
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/books"
	"volary.dev/web/layout"
	web "volary.dev/web/sales"
)

// CreditNoteList makes the props of a list of credit notes.
func CreditNoteList(c echo.Context, frame layout.Props, side web.Side, l request.List, notes []books.CreditNoteRow, total int, sums []books.Total) (web.CreditNoteListProps, error) {
	q := request.ParseQuery(c)
	p := web.CreditNoteListProps{
		Layout: frame, Side: side, List: page.List(l, total), Search: q.Typed("search"), Since: q.Typed("since"), Until: q.Typed("until"), Sums: Sums(sums),
	}
	for _, n := range notes {
		zone, err := time.LoadLocation(n.Zone)
		if err != nil {
			return p, fmt.Errorf("accounting zone of credit note %s: %w", n.Number, err)
		}
		p.Notes = append(p.Notes, web.CreditNoteRow{
			ID: n.ID, InvoiceID: n.InvoiceID, Number: n.Number, Invoice: n.InvoiceNumber, Party: n.Party, Hours: int64(n.Hours), Net: n.Net, Issued: n.IssuedAt, Zone: zone,
		})
	}
	return p, nil
}

// CreditNote makes the props of one credit note.
func CreditNote(frame layout.Props, side web.Side, n books.CreditNote) (web.CreditNoteShowProps, error) {
	zone, err := time.LoadLocation(n.Printed["zone"])
	if err != nil {
		return web.CreditNoteShowProps{}, fmt.Errorf("zone of credit note %s: %w", n.Number, err)
	}
	p := web.CreditNoteShowProps{
		Layout: frame, Side: side, ID: n.ID, InvoiceID: n.InvoiceID, Number: n.Number, Invoice: n.InvoiceNumber, Issued: n.IssuedAt.In(zone), Reason: n.Reason,
		Seller: sellerOn(n.Seller, n.TaxID, n.Printed), Buyer: buyerOn(n.Buyer, n.Printed), Net: n.Net, Taxes: n.Taxes, InWords: billing.WithTax(n.Net, n.Taxes).Words(),
		Off: billing.Money{Minor: n.Off, Currency: n.Net.Currency}, Credited: billing.Money{Minor: n.Total() - n.Off, Currency: n.Net.Currency},
	}
	if n.Head.Seq > 0 {
		p.Entry, p.Head = n.Head.Seq, n.Head.Mark()
	}
	for _, l := range n.Lines {
		p.Lines = append(p.Lines, web.CreditNoteLine{
			InvoiceLine: l.InvoiceLine, Description: l.Description, Hours: int64(l.Hours), Amount: billing.Money{Minor: l.Amount, Currency: n.Net.Currency},
		})
	}
	return p, nil
}
