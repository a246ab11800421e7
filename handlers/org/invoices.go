package org

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	web "volary.dev/web/sales"
)

// ListInvoices shows what the organization was billed.
func (h Handlers) ListInvoices(c echo.Context) error {
	orgID, _ := where(c)
	l, f := sales.InvoiceFilter(c)
	invoices, total, sums, err := h.Books.InvoicesOfOrganization(c.Request().Context(), orgID, f)
	if err != nil {
		return err
	}
	p, err := sales.InvoiceList(c, h.layout(c), web.Buyer, l, invoices, total, sums)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.InvoiceList(p))
}

// ShowInvoice shows one invoice as it is printed.
func (h Handlers) ShowInvoice(c echo.Context) error {
	orgID, _ := where(c)
	id, err := request.ID(c, "id", "invoice")
	if err != nil {
		return err
	}
	i, err := h.Books.InvoiceOfOrganization(c.Request().Context(), orgID, id)
	if err != nil {
		return err
	}
	p, err := sales.Invoice(h.layout(c), web.Buyer, i)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.InvoiceShow(p))
}
