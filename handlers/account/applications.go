package account

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/people"
	web "volary.dev/web/account"
	"volary.dev/web/ui"
)

// ShowApplication shows where the person's application to become a provider stands, or the form for one.
func (h Handlers) ShowApplication(c echo.Context) error {
	p := web.ApplicationProps{Currency: "EUR", AccountingZone: "Europe/Berlin"}
	return h.applicationPage(c, p)
}

// applicationPage shows p as it was typed; what was asked for before fills an untouched form that was rejected.
func (h Handlers) applicationPage(c echo.Context, p web.ApplicationProps) error {
	a, err := h.People.MyApplication(c.Request().Context(), request.Session(c).PersonID)
	if err != nil {
		return err
	}
	if a != nil {
		p.State, p.Reason, p.Applied, p.Provider = a.State, a.Reason, a.AppliedAt, a.Name
		if a.DecidedAt != nil {
			p.Decided = *a.DecidedAt
		}
		if p.Form.Refusal == nil && a.State != "active" {
			p.Name, p.Currency, p.LegalName, p.TaxID, p.InvoicePrefix = a.Name, a.Currency, a.LegalName, a.TaxID, a.InvoicePrefix
			p.AccountingZone, p.SupportContact, p.About, p.Terms = a.AccountingZone, a.SupportContact, a.About, a.Terms
		}
	}
	p.Layout = h.layout(c)
	status := http.StatusOK
	if p.Form.Refusal != nil {
		status = respond.Status(p.Form.Refusal.Code)
	}
	return page.Render(c, status, web.Application(p))
}

// CreateApplication asks the platform to take a provider on.
func (h Handlers) CreateApplication(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.ApplicationProps{
		Name: f.Typed("name"), Currency: f.Typed("currency"), LegalName: f.Typed("legal_name"), TaxID: f.Typed("tax_id"),
		InvoicePrefix: f.Typed("invoice_prefix"), AccountingZone: f.Typed("accounting_zone"), SupportContact: f.Typed("support_contact"),
		About: f.Typed("about"), Terms: f.Typed("terms"),
	}
	a := people.ProviderApplication{
		Name: strings.TrimSpace(p.Name), Currency: strings.ToUpper(strings.TrimSpace(p.Currency)), ProviderWords: people.ProviderWords{
			LegalName: strings.TrimSpace(p.LegalName), TaxID: strings.TrimSpace(p.TaxID), InvoicePrefix: strings.TrimSpace(p.InvoicePrefix),
			AccountingZone: strings.TrimSpace(p.AccountingZone), SupportContact: strings.TrimSpace(p.SupportContact),
			About: strings.TrimSpace(f.Lines("about", "the text", 16000)), Terms: strings.TrimSpace(f.Lines("terms", "the terms", 80000)),
		},
	}
	f.Also(a.Check())
	r := f.Refusal()
	if r == nil {
		_, err = h.People.ApplyAsProvider(c.Request().Context(), request.Session(c).PersonID, a)
		if r, _ = respond.AsForm(err); r == nil && err != nil {
			return err
		}
	}
	if r != nil {
		p.Form = ui.Form{Refusal: r}
		return h.applicationPage(c, p)
	}
	return h.Frame.Done(c, "/provider-application", "The application is on its way. You hear by mail when it is decided.")
}
