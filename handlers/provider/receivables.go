package provider

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/store/books"
	web "volary.dev/web/sales"
)

// ListReceivables shows what is owed to the provider by age.
func (h Handlers) ListReceivables(c echo.Context) error {
	l, q := request.ParseList(c, "party", "open", "older", "credit"), request.ParseQuery(c)
	f := books.ReceivableFilter{Page: l.Page(), Sort: l.Sorting, Text: q.Typed("search")}
	list, total, sums, err := h.Books.Receivables(c.Request().Context(), where(c), f)
	if err != nil {
		return err
	}
	p := web.ReceivableListProps{Layout: h.layout(c), List: page.List(l, total), Search: f.Text, May: request.Allowed(c, request.ProviderOrders)}
	for _, x := range list {
		p.Rows = append(p.Rows, sales.Receivable(x))
	}
	for _, x := range sums {
		p.Sums = append(p.Sums, sales.Receivable(x))
	}
	return page.Render(c, http.StatusOK, web.ReceivableList(p))
}
