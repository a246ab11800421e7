package sales

import (
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/typed"
	"volary.dev/store/books"
)

// Days reads the filters "since" and "until" as days in UTC, the second with the whole of its day. What is no day was
// not typed by a person and filters nothing.
func Days(c echo.Context) (since, until time.Time) {
	q := request.ParseQuery(c)
	if day, err := typed.ParseDay(q.Typed("since")); err == nil {
		since = day.Start(time.UTC)
	}
	if day, err := typed.ParseDay(q.Typed("until")); err == nil {
		until = day.End(time.UTC)
	}
	return since, until
}

// OrderFilter reads the part of a list of orders that a GET asks for.
func OrderFilter(c echo.Context) (request.List, books.OrderFilter) {
	l, q := request.ParseList(c, "number", "party", "hours", "amount", "state", "created"), request.ParseQuery(c)
	f := books.OrderFilter{Page: l.Page(), Sort: l.Sorting, Text: q.Typed("search")}
	if q.Has("state") {
		f.State = books.OrderState(q.Choice("state", "a state", "waiting", "approved", "rejected", "withdrawn"))
	}
	f.Since, f.Until = Days(c)
	return l, f
}

// InvoiceFilter reads the part of a list of invoices that a GET asks for.
func InvoiceFilter(c echo.Context) (request.List, books.InvoiceFilter) {
	l, q := request.ParseList(c, "number", "party", "net", "issued"), request.ParseQuery(c)
	f := books.InvoiceFilter{Page: l.Page(), Sort: l.Sorting, Text: q.Typed("search")}
	f.Since, f.Until = Days(c)
	return l, f
}
