package org

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	web "volary.dev/web/sales"
)

// ListCreditNotes shows what was taken back of what the organization bought.
func (h Handlers) ListCreditNotes(c echo.Context) error {
	orgID, _ := where(c)
	l, f := sales.InvoiceFilter(c)
	notes, total, sums, err := h.Books.CreditNotesOfOrganization(c.Request().Context(), orgID, f)
	if err != nil {
		return err
	}
	p, err := sales.CreditNoteList(c, h.layout(c), web.Buyer, l, notes, total, sums)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.CreditNoteList(p))
}

// ShowCreditNote shows one credit note as it is printed.
func (h Handlers) ShowCreditNote(c echo.Context) error {
	orgID, _ := where(c)
	id, err := request.ID(c, "id", "credit note")
	if err != nil {
		return err
	}
	n, err := h.Books.CreditNoteOfOrganization(c.Request().Context(), orgID, id)
	if err != nil {
		return err
	}
	p, err := sales.CreditNote(h.layout(c), web.Buyer, n)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.CreditNoteShow(p))
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
	orgID, _ := where(c)
	id, err := request.ID(c, "id", "credit note")
	if err != nil {
		return err
	}
	x, err := h.Books.CreditNoteOfOrganization(c.Request().Context(), orgID, id)
	if err != nil {
		return err
	}
	d, err := sales.CreditNotePaper(x)
	if err != nil {
		return err
	}
	return send(c, d)
}
