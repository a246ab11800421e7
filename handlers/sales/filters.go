package sales

import (
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/books"
)

// Days reads the filters "since" and "until" as days, the second with the whole of its day. What is no day was not typed by a
// person and filters nothing.
func Days(c echo.Context) (days store.Days) {
	q := request.ParseQuery(c)
	days.Since, _ = typed.ParseDay(q.Typed("since"))
	days.Until, _ = typed.ParseDay(q.Typed("until"))
	return days
}

// Month reads the filter "month", and notes where it is none.
func Month(q *request.Form) billing.Month {
	m, err := billing.ParseMonth(q.Typed("month"))
	if err != nil || m.Year < 2000 || m.Year > 2999 {
		q.Wrong("month", "Write the month as 2026-11.")
	}
	return m
}

// OrderFilter reads the part of a list of orders that a GET asks for.
func OrderFilter(c echo.Context) (request.List, books.OrderFilter) {
	l, q := request.ParseList(c, "number", "party", "hours", "amount", "state", "created"), request.ParseQuery(c)
	f := books.OrderFilter{Page: l.Page(), Sort: l.Sorting, Text: q.Typed("search")}
	if q.Has("state") {
		f.State = books.OrderState(q.Choice("state", "a state", "waiting", "approved", "rejected", "withdrawn"))
	}
	f.Days = Days(c)
	return l, f
}

// InvoiceFilter reads the part of a list of invoices that a GET asks for.
func InvoiceFilter(c echo.Context) (request.List, books.InvoiceFilter) {
	l, q := request.ParseList(c, "number", "party", "net", "issued", "due", "open"), request.ParseQuery(c)
	f := books.InvoiceFilter{Page: l.Page(), Sort: l.Sorting, Text: q.Typed("search"), Open: q.Typed("open") == "1"}
	f.Days = Days(c)
	return l, f
}
