package sales

import (
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/books"
	"volary.dev/web/layout"
	web "volary.dev/web/sales"
	"volary.dev/web/ui"
)

// Countries are the choices of a country.
func Countries() []ui.Option {
	all := billing.Countries()
	list := make([]ui.Option, len(all))
	for i, c := range all {
		list[i] = ui.Option{Value: c.Code, Label: c.Name}
	}
	return list
}

// Money reads an amount in the currency's major unit.
func Money(f *request.Form, field string, currency billing.Currency) billing.Money {
	m, err := billing.ParseMoney(f.Typed(field), currency)
	if err != nil {
		f.WrongNumber(field, "This is "+err.Error()+".")
	}
	return m
}

// PaymentFilter reads the part of a list of payments that a GET asks for.
func PaymentFilter(c echo.Context) (request.List, books.PaymentFilter) {
	l, q := request.ParseList(c, "party", "paid", "amount", "recorded"), request.ParseQuery(c)
	f := books.PaymentFilter{Page: l.Page(), Sort: l.Sorting, Text: q.Typed("search"), Days: Days(c)}
	if q.Has("kind") {
		f.Kind = billing.PaymentKind(q.Choice("kind", "a kind of payment", "received", "credit", "repaid"))
	}
	return l, f
}

// PaymentList makes the props of a list of payments.
func PaymentList(c echo.Context, frame layout.Props, side web.Side, l request.List, payments []books.Payment, total int, sums []books.Total) web.PaymentListProps {
	q := request.ParseQuery(c)
	p := web.PaymentListProps{
		Layout: frame, Side: side, List: page.List(l, total), Search: q.Typed("search"), Kind: q.Typed("kind"), Since: q.Typed("since"), Until: q.Typed("until"), Sums: Sums(sums),
	}
	for _, y := range payments {
		p.Payments = append(p.Payments, web.PaymentRow{
			ID: y.ID, Kind: string(y.Kind), Party: party(side, y.ProviderName, y.OrganizationName), Amount: y.Amount, Allocated: y.Allocated,
			PaidOn: y.PaidOn.String(), Reference: y.Reference, By: y.ByName, Recorded: y.RecordedAt,
		})
	}
	return p
}

// Receivable makes a row of what is owed.
func Receivable(r books.Receivable) web.ReceivableRow {
	m := func(minor int64) billing.Money { return billing.Money{Minor: minor, Currency: r.Currency} }
	return web.ReceivableRow{
		Organization: r.OrganizationName, OrganizationID: r.OrganizationID, Invoices: r.Invoices, Undated: m(r.Undated), NotDue: m(r.NotDue),
		Days30: m(r.Days30), Days60: m(r.Days60), Days90: m(r.Days90), Older: m(r.Older), Open: m(r.Open), CreditLeft: m(r.Credit),
	}
}
