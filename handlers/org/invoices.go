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

// DownloadInvoicePDF sends one invoice to print.
func (h Handlers) DownloadInvoicePDF(c echo.Context) error {
	return h.downloadInvoice(c, sales.DownloadPDF)
}

// DownloadInvoiceUBL sends one invoice in its electronic form.
func (h Handlers) DownloadInvoiceUBL(c echo.Context) error {
	return h.downloadInvoice(c, sales.DownloadUBL)
}

func (h Handlers) downloadInvoice(c echo.Context, send func(echo.Context, sales.Paper) error) error {
	orgID, _ := where(c)
	id, err := request.ID(c, "id", "invoice")
	if err != nil {
		return err
	}
	x, err := h.Books.InvoiceOfOrganization(c.Request().Context(), orgID, id)
	if err != nil {
		return err
	}
	d, err := sales.InvoicePaper(x)
	if err != nil {
		return err
	}
	return send(c, d)
}
