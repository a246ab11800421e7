package provider

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/provisioner/refusal"
	web "volary.dev/web/sales"
	"volary.dev/web/ui"
)

// ListOrders shows what the provider was asked for, those that wait first.
func (h Handlers) ListOrders(c echo.Context) error {
	l, f := sales.OrderFilter(c)
	ctx := c.Request().Context()
	orders, total, sums, err := h.Books.OrdersOfProvider(ctx, where(c), f)
	if err != nil {
		return err
	}
	p := sales.OrderList(c, h.layout(c), web.Seller, l, orders, total, sums)
	x, err := h.People.Provider(ctx, where(c))
	if err != nil {
		return err
	}
	p.Zone = x.AccountingZone
	return page.Live(c, web.OrderList(p))
}

// ShowOrder shows one order, and while it waits what may be decided.
func (h Handlers) ShowOrder(c echo.Context) error { return h.orderPage(c, nil, "") }

func (h Handlers) orderPage(c echo.Context, refusal *refusal.Error, reason string) error {
	id, err := request.ID(c, "id", "order")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	o, err := h.Books.OrderOfProvider(ctx, where(c), id)
	if err != nil {
		return err
	}
	p, status := sales.Order(h.layout(c), web.Seller, who(c), o), http.StatusOK
	p.TypedReason = reason
	if p.MissingPrefix, err = h.Books.LacksInvoicePrefix(ctx, where(c)); err != nil {
		return err
	}
	if refusal != nil {
		p.Form, status = ui.Form{Refusal: refusal}, respond.Status(refusal.Code)
	}
	if status == http.StatusOK {
		return page.Live(c, web.OrderShow(p))
	}
	return page.Render(c, status, web.OrderShow(p))
}

// ApproveOrder makes the order's hours and its invoice.
func (h Handlers) ApproveOrder(c echo.Context) error {
	id, err := request.ID(c, "id", "order")
	if err != nil {
		return err
	}
	err = h.Books.ApproveOrder(c.Request().Context(), who(c), where(c), id)
	if r, ok := respond.AsForm(err); ok {
		return h.orderPage(c, r, "")
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, orderPath(id), "The order is approved: the hours are in the wallet and the invoice is issued.")
}

// RejectOrder refuses an order with a reason.
func (h Handlers) RejectOrder(c echo.Context) error {
	id, err := request.ID(c, "id", "order")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(f.Lines("reason", "the reason", 4000))
	if r := f.Refusal(); r != nil {
		return h.orderPage(c, r, f.Typed("reason"))
	}
	err = h.Books.RejectOrder(c.Request().Context(), who(c), where(c), id, reason)
	if r, ok := respond.AsForm(err); ok {
		return h.orderPage(c, r, f.Typed("reason"))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, orderPath(id), "The order is rejected, and the organization reads why.")
}

func orderPath(id uuid.UUID) string { return "/provider/orders/" + id.String() }
