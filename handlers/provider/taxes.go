package provider

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ListTaxes shows how the provider's papers are taxed.
func (h Handlers) ListTaxes(c echo.Context) error { return h.taxesPage(c, web.TaxesProps{}, nil) }

// CreateTaxRate sets the domestic rate from a day on.
func (h Handlers) CreateTaxRate(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.TaxesProps{Rate: f.Typed("rate"), From: f.Typed("from")}
	rate := int64(-1)
	if f.Has("rate") {
		rate = f.Decimal("rate", "the rate", 2, 1, 9_999)
	}
	from, _ := f.Day("from")
	r := f.Refusal()
	if r == nil {
		err = h.Books.SetTaxRate(c.Request().Context(), who(c), where(c), rate, from)
		if r, _ = respond.AsForm(err); r == nil && err != nil {
			return err
		}
	}
	if r != nil {
		p.RateForm = ui.Form{Refusal: r}
		return h.taxesPage(c, p, r)
	}
	return h.Frame.Done(c, "/provider/taxes", "Invoices from "+from.String()+" on have it.")
}

// CreateTaxExemption notes a certificate that exempts an organization.
func (h Handlers) CreateTaxExemption(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.TaxesProps{
		Organization: f.Typed("organization"), Certificate: f.Typed("certificate"), CertificateFrom: f.Typed("certificate_from"), CertificateUntil: f.Typed("certificate_until"),
	}
	ctx := c.Request().Context()
	name, certificate := f.Text("organization", "the organization", 2, 80), f.Text("certificate", "the certificate", 1, 80)
	from, _ := f.Day("certificate_from")
	until, _ := f.Day("certificate_until")
	r := f.Refusal()
	if r == nil {
		org, err := h.People.OrganizationByName(ctx, name)
		if err == nil {
			err = h.Books.ExemptFromTax(ctx, who(c), where(c), org, certificate, from, until)
		}
		if x, ok := refusal.As(err); ok && x.Code == "not_found" {
			f.Wrong("organization", "There is no organization of this name: write it exactly as it does.")
			r = f.Refusal()
		} else if r, _ = respond.AsForm(err); r == nil && err != nil {
			return err
		}
	}
	if r != nil {
		p.ExemptionForm = ui.Form{Refusal: r}
		return h.taxesPage(c, p, r)
	}
	return h.Frame.Done(c, "/provider/taxes", "Invoices to "+typed.Isolate(name)+" say the certificate.")
}

func (h Handlers) taxesPage(c echo.Context, p web.TaxesProps, r *refusal.Error) error {
	ctx, status := c.Request().Context(), http.StatusOK
	if r != nil {
		status = respond.Status(r.Code)
	}
	x, err := h.People.ProviderSettings(ctx, where(c))
	if err != nil {
		return err
	}
	t, err := h.Books.Taxes(ctx, where(c))
	if err != nil {
		return err
	}
	p.Layout, p.Country, p.May = h.layout(c), billing.CountryName(x.Country), request.Allowed(c, request.ProviderOrders)
	for _, r := range t.Rates {
		row := web.TaxRateRow{From: r.From.String(), Rate: "none", By: r.ByName}
		if r.Rate >= 0 {
			row.Rate = billing.Taxing{Rate: r.Rate}.Percent() + " %"
		}
		p.Rates = append(p.Rates, row)
	}
	for _, e := range t.Exemptions {
		p.Exemptions = append(p.Exemptions, web.TaxExemptionRow{Organization: e.Organization, Certificate: e.Certificate, From: e.From.String(), Until: e.Until.String()})
	}
	return page.Render(c, status, web.Taxes(p))
}
