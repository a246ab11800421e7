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

// ShowInvoice shows one invoice as it is printed, and what was paid of it.
func (h Handlers) ShowInvoice(c echo.Context) error {
	id, err := request.ID(c, "id", "invoice")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	i, err := h.Books.InvoiceOfProvider(ctx, where(c), id)
	if err != nil {
		return err
	}
	p, err := sales.Invoice(h.layout(c), web.Seller, i)
	if err != nil {
		return err
	}
	credits, err := h.Books.CreditAt(ctx, where(c), i.OrganizationID)
	if err != nil {
		return err
	}
	p.May = request.Allowed(c, request.ProviderOrders)
	for _, x := range credits {
		if x.Amount.Currency == i.Net.Currency {
			p.Credit = x.Amount
		}
	}
	return page.Render(c, http.StatusOK, web.InvoiceShow(p))
}

// UseCredit pays an invoice out of the organization's credit.
func (h Handlers) UseCredit(c echo.Context) error {
	id, err := request.ID(c, "id", "invoice")
	if err != nil {
		return err
	}
	used, err := h.Books.UseCredit(c.Request().Context(), who(c), where(c), id)
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/provider/invoices/"+id.String(), used.String()+" of the organization’s credit are used for it.")
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

// DownloadInvoicePDF sends one invoice to print.
func (h Handlers) DownloadInvoicePDF(c echo.Context) error {
	return h.downloadInvoice(c, sales.DownloadPDF)
}

// DownloadInvoiceUBL sends one invoice in its electronic form.
func (h Handlers) DownloadInvoiceUBL(c echo.Context) error {
	return h.downloadInvoice(c, sales.DownloadUBL)
}

func (h Handlers) downloadInvoice(c echo.Context, send func(echo.Context, sales.Paper) error) error {
	id, err := request.ID(c, "id", "invoice")
	if err != nil {
		return err
	}
	x, err := h.Books.InvoiceOfProvider(c.Request().Context(), where(c), id)
	if err != nil {
		return err
	}
	d, err := sales.InvoicePaper(x)
	if err != nil {
		return err
	}
	return send(c, d)
}
