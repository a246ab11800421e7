package org

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	trade "volary.dev/handlers/sales"
	"volary.dev/store/books"
	web "volary.dev/web/org"
	"volary.dev/web/sales"
	"volary.dev/web/ui"
)

// ShowExports says in which formats a month can be taken home.
func (h Handlers) ShowExports(c echo.Context) error {
	ctx := c.Request().Context()
	p := sales.ExportsProps{Layout: h.layout(c), Side: sales.Buyer, Month: request.ParseQuery(c).Typed("month")}
	s, err := h.exportScope(c)
	if r, ok := respond.AsForm(err); ok {
		p.Form = ui.Form{Refusal: r}
		return page.Render(c, respond.Status(r.Code), sales.Exports(p))
	}
	if err != nil {
		return err
	}
	p.Month = s.Month.String()
	parts, err := h.Books.GroupParts(ctx, s.Organization, s.Month)
	if err != nil {
		return err
	}
	p.Future = len(parts) > 0
	for _, part := range parts {
		p.Parts = append(p.Parts, monthPart(part))
		p.Future = p.Future && !part.Made.After(part.Period.From)
	}
	return page.Render(c, http.StatusOK, sales.Exports(p))
}

// exportScope is the month that is asked for, with all providers.
func (h Handlers) exportScope(c echo.Context) (books.ExportScope, error) {
	orgID, _ := where(c)
	f, wrong, err := h.groupFilter(c, &web.PeopleUsageProps{})
	if err == nil && wrong != nil {
		err = wrong
	}
	return books.ExportScope{Organization: orgID, Month: f.Month}, err
}

// ExportFocus gives a dataset of FOCUS.
func (h Handlers) ExportFocus(c echo.Context) error {
	s, err := h.exportScope(c)
	if err != nil {
		return err
	}
	return trade.DownloadFocus(c, h.Books, s)
}

// ExportFocusMetadata gives what FOCUS wants beside its datasets.
func (h Handlers) ExportFocusMetadata(c echo.Context) error {
	s, err := h.exportScope(c)
	if err != nil {
		return err
	}
	return trade.DownloadFocusMetadata(c, s.Month)
}

// ExportApel gives the messages that providers would send to APEL of the organization's machines.
func (h Handlers) ExportApel(c echo.Context) error {
	s, err := h.exportScope(c)
	if err != nil {
		return err
	}
	return trade.DownloadApel(c, h.Books, s)
}
