package provider

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	web "volary.dev/web/sales"
)

// ListInvoices shows what the provider billed.
func (h Handlers) ListInvoices(c echo.Context) error {
	l, f := sales.InvoiceFilter(c)
	ctx := c.Request().Context()
	invoices, total, sums, err := h.Books.InvoicesOfProvider(ctx, where(c), f)
	if err != nil {
		return err
	}
	p := sales.InvoiceList(c, h.layout(c), web.Seller, l, invoices, total, sums)
	month, err := h.Books.CurrentMonth(ctx, where(c), p.Layout.Now)
	if err != nil {
		return err
	}
	p.Month = month.String()
	return page.Render(c, http.StatusOK, web.InvoiceList(p))
}

// ShowInvoice shows one invoice as it is printed.
func (h Handlers) ShowInvoice(c echo.Context) error {
	id, err := request.ID(c, "id", "invoice")
	if err != nil {
		return err
	}
	i, err := h.Books.InvoiceOfProvider(c.Request().Context(), where(c), id)
	if err != nil {
		return err
	}
	p, err := sales.Invoice(h.layout(c), web.Seller, i)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.InvoiceShow(p))
}

// ExportInvoices gives the invoice lines of a month as CSV, made whole before the first byte is sent.
func (h Handlers) ExportInvoices(c echo.Context) error {
	month, refusal, err := h.month(c)
	if err != nil {
		return err
	}
	if refusal != nil {
		return refusal
	}
	var b strings.Builder
	if err := h.Books.ExportInvoices(c.Request().Context(), where(c), month, &b); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, fmt.Sprintf("attachment; filename=%q", "invoices-"+month.String()+".csv"))
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", []byte(b.String()))
}
