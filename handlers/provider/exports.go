package provider

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/store/books"
	web "volary.dev/web/sales"
	"volary.dev/web/ui"
)

// ShowExports says in which formats a month can be taken home.
func (h Handlers) ShowExports(c echo.Context) error {
	ctx, q := c.Request().Context(), request.ParseQuery(c)
	p := web.ExportsProps{Layout: h.layout(c), Side: web.Seller, Month: q.Typed("month")}
	month, refusal, err := h.month(c)
	if err != nil {
		return err
	}
	if refusal != nil {
		p.Form = ui.Form{Refusal: refusal}
		return page.Render(c, respond.Status(refusal.Code), web.Exports(p))
	}
	x, err := h.People.Provider(ctx, where(c))
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(x.AccountingZone)
	if err != nil {
		return err
	}
	known, err := h.Books.KnownOf(ctx, books.ExportScope{Provider: where(c), Month: month})
	if err != nil {
		return err
	}
	period := month.Period(zone)
	p.Month, p.Site, p.Future = month.String(), billing.ApelSite(x.Name), !known.Made.After(period.From)
	p.Parts = []ui.MonthPart{{
		From: period.From.In(zone), Until: period.To.In(zone), Zone: x.AccountingZone, Over: !known.Made.Before(period.To), Settled: known.Settled.In(zone),
	}}
	return page.Render(c, http.StatusOK, web.Exports(p))
}

// exportScope is the month that is asked for.
func (h Handlers) exportScope(c echo.Context) (books.ExportScope, error) {
	month, refusal, err := h.month(c)
	if err == nil && refusal != nil {
		err = refusal
	}
	return books.ExportScope{Provider: where(c), Month: month}, err
}

// ExportFocus gives a dataset of FOCUS.
func (h Handlers) ExportFocus(c echo.Context) error {
	s, err := h.exportScope(c)
	if err != nil {
		return err
	}
	return sales.DownloadFocus(c, h.Books, s)
}

// ExportFocusMetadata gives what FOCUS wants beside its datasets.
func (h Handlers) ExportFocusMetadata(c echo.Context) error {
	s, err := h.exportScope(c)
	if err != nil {
		return err
	}
	return sales.DownloadFocusMetadata(c, s.Month)
}

// ExportApel gives the messages for APEL.
func (h Handlers) ExportApel(c echo.Context) error {
	s, err := h.exportScope(c)
	if err != nil {
		return err
	}
	return sales.DownloadApel(c, h.Books, s)
}
