package org

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/store/people"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// EditSettings shows what papers say of the organization.
func (h Handlers) EditSettings(c echo.Context) error {
	orgID, _ := where(c)
	x, err := h.People.OrganizationSettings(c.Request().Context(), orgID)
	if err != nil {
		return err
	}
	p := h.settingsProps(c, x.Name)
	p.LegalName, p.PaperName, p.Address, p.Country, p.VATID, p.Contact = x.LegalName, x.PaperName, x.Address, x.Country, x.VATID, x.Contact
	return page.Render(c, http.StatusOK, web.Settings(p))
}

func (h Handlers) settingsProps(c echo.Context, name string) web.SettingsProps {
	return web.SettingsProps{Layout: h.layout(c), Name: name, Countries: sales.Countries(), May: request.Allowed(c, request.OrgOrder)}
}

// UpdateSettings changes what papers say of the organization from now on.
func (h Handlers) UpdateSettings(c echo.Context) error {
	ctx := c.Request().Context()
	orgID, personID := where(c)
	x, err := h.People.OrganizationSettings(ctx, orgID)
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := h.settingsProps(c, x.Name)
	p.LegalName, p.PaperName, p.Address, p.Country, p.VATID, p.Contact = f.Typed("legal_name"), f.Typed("paper_name"), f.Typed("address"),
		f.Typed("country"), f.Typed("vat_id"), f.Typed("contact")
	words := people.OrganizationWords{
		LegalName: strings.TrimSpace(p.LegalName), PaperName: strings.TrimSpace(p.PaperName), Address: f.Lines("address", "the address", 2000),
		Country: p.Country, VATID: strings.TrimSpace(p.VATID), Contact: strings.TrimSpace(p.Contact),
	}
	r := f.Refusal()
	if r == nil {
		err = h.People.UpdateOrganization(ctx, personID, orgID, words)
		if r, _ = respond.AsForm(err); r == nil && err != nil {
			return err
		}
	}
	if r != nil {
		p.Form = ui.Form{Refusal: r}
		return page.Render(c, respond.Status(r.Code), web.Settings(p))
	}
	return h.Frame.Done(c, "/org/settings", "Saved. Papers from now on have it.")
}
