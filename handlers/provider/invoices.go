package provider

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
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
	p, err := sales.InvoiceList(c, h.layout(c), web.Seller, l, invoices, total, sums)
	if err != nil {
		return err
	}
	month, err := h.Books.CurrentMonth(ctx, where(c), p.Layout.Now)
	if err != nil {
		return err
	}
	p.Month = month.String()
	x, err := h.People.Provider(ctx, where(c))
	if err != nil {
		return err
	}
	p.Zone = x.AccountingZone
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

// ExportInvoices gives the invoice lines of a month, or their totals, as CSV.
func (h Handlers) ExportInvoices(c echo.Context) error { return h.exportInvoices(c, sales.DownloadCSV) }

// ExportInvoicesWorkbook gives both as a workbook.
func (h Handlers) ExportInvoicesWorkbook(c echo.Context) error {
	return h.exportInvoices(c, sales.DownloadWorkbook)
}

func (h Handlers) exportInvoices(c echo.Context, send func(echo.Context, sales.File) error) error {
	month, refusal, err := h.month(c)
	if err != nil {
		return err
	}
	if refusal != nil {
		return refusal
	}
	f, err := h.ofMonth(c, month, sales.File{Of: "invoices", Tables: billing.InvoiceTables()})
	if err != nil {
		return err
	}
	f.Fill = func(b billing.Book) error { return h.Books.ExportInvoices(c.Request().Context(), where(c), month, b) }
	return send(c, f)
}
