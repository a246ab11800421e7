package provider

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
	web "volary.dev/web/sales"
	"volary.dev/web/ui"
)

// ListCreditNotes shows what was taken back of what the provider sold.
func (h Handlers) ListCreditNotes(c echo.Context) error {
	l, f := sales.InvoiceFilter(c)
	notes, total, sums, err := h.Books.CreditNotesOfProvider(c.Request().Context(), where(c), f)
	if err != nil {
		return err
	}
	p, err := sales.CreditNoteList(c, h.layout(c), web.Seller, l, notes, total, sums)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.CreditNoteList(p))
}

// ShowCreditNote shows one credit note as it is printed.
func (h Handlers) ShowCreditNote(c echo.Context) error {
	id, err := request.ID(c, "id", "credit note")
	if err != nil {
		return err
	}
	n, err := h.Books.CreditNoteOfProvider(c.Request().Context(), where(c), id)
	if err != nil {
		return err
	}
	p, err := sales.CreditNote(h.layout(c), web.Seller, n)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.CreditNoteShow(p))
}

// NewCreditNote shows the form of a credit note on the invoice that ?invoice= names.
func (h Handlers) NewCreditNote(c echo.Context) error {
	id, err := uuid.Parse(request.ParseQuery(c).Typed("invoice"))
	if err != nil {
		return h.Frame.Done(c, "/provider/invoices", "Choose the invoice that hours are to be taken back of.")
	}
	return h.creditNoteForm(c, web.CreditNoteNewProps{InvoiceID: id}, nil)
}

// CreateCreditNote takes hours back and issues a credit note.
func (h Handlers) CreateCreditNote(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	n := books.NewCreditNote{
		InvoiceID: f.ID("invoice", "one of your invoices"), Line: f.Int("line", "the line", 1, 1000), Hours: sales.Hours(f, "hours"), Reason: f.Lines("reason", "the reason", 4000),
	}
	p := web.CreditNoteNewProps{InvoiceID: n.InvoiceID, Line: f.Typed("line"), Hours: f.Typed("hours"), Reason: f.Typed("reason")}
	if r := f.Refusal(); r != nil {
		return h.creditNoteForm(c, p, r)
	}
	id, err := h.Books.IssueCreditNote(c.Request().Context(), who(c), where(c), n)
	if r, ok := respond.AsForm(err); ok {
		return h.creditNoteForm(c, p, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/provider/credit-notes/"+id.String(), sales.HoursUnderstood(n.Hours)+" are taken back, and the credit note is issued.")
}

func (h Handlers) creditNoteForm(c echo.Context, p web.CreditNoteNewProps, r *refusal.Error) error {
	status := http.StatusOK
	if r != nil {
		p.Form, status = ui.Form{Refusal: r}, respond.Status(r.Code)
		if p.InvoiceID == uuid.Nil { // there is no form of none
			return r
		}
	}
	i, err := h.Books.InvoiceOfProvider(c.Request().Context(), where(c), p.InvoiceID)
	if err != nil {
		return err
	}
	p.Layout, p.Invoice, p.Organization = h.layout(c), i.Number, i.OrganizationName
	p.Lines = sales.InvoiceLines(i)
	return page.Render(c, status, web.CreditNoteNew(p))
}

// DownloadCreditNotePDF sends one credit note to print.
func (h Handlers) DownloadCreditNotePDF(c echo.Context) error {
	return h.downloadCreditNote(c, sales.DownloadPDF)
}

// DownloadCreditNoteUBL sends one credit note in its electronic form.
func (h Handlers) DownloadCreditNoteUBL(c echo.Context) error {
	return h.downloadCreditNote(c, sales.DownloadUBL)
}

func (h Handlers) downloadCreditNote(c echo.Context, send func(echo.Context, sales.Paper) error) error {
	id, err := request.ID(c, "id", "credit note")
	if err != nil {
		return err
	}
	x, err := h.Books.CreditNoteOfProvider(c.Request().Context(), where(c), id)
	if err != nil {
		return err
	}
	d, err := sales.CreditNotePaper(x)
	if err != nil {
		return err
	}
	return send(c, d)
}
