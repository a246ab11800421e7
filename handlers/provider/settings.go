package provider

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// EditSettings shows what the provider says of itself.
func (h Handlers) EditSettings(c echo.Context) error {
	x, err := h.People.ProviderSettings(c.Request().Context(), where(c))
	if err != nil {
		return err
	}
	p, err := h.settingsProps(c, x)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.Settings(p))
}

// settingsProps is the page with what is kept.
func (h Handlers) settingsProps(c echo.Context, x people.ProviderSettings) (web.SettingsProps, error) {
	rule, err := h.Machines.KeptDisksRule(c.Request().Context(), where(c))
	p := web.SettingsProps{Layout: h.layout(c), Name: x.Name, Currency: x.Currency, ZoneFixed: x.Booked, PrefixFixed: x.Invoiced, KeptDays: strconv.Itoa(rule.Days), Countries: sales.Countries()}
	p.LegalName, p.TaxID, p.InvoicePrefix, p.AccountingZone = x.LegalName, x.TaxID, x.InvoicePrefix, x.AccountingZone
	p.SupportContact, p.About, p.Terms = x.SupportContact, x.About, x.Terms
	p.Address, p.Country, p.VATID, p.BankName, p.IBAN, p.BIC, p.PaymentDays = x.Address, x.Country, x.VATID, x.BankName, x.IBAN, x.BIC, strconv.Itoa(x.PaymentDays)
	if rule.GiB != nil {
		p.KeptGiB = strconv.Itoa(*rule.GiB)
	}
	return p, err
}

// UpdateKeptDisks says what the provider keeps of clusters that do not run.
func (h Handlers) UpdateKeptDisks(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	rule := machines.KeptDisksRule{Days: f.Int("kept_days", "the days", 1, 365)}
	if f.Has("kept_gib") {
		gib := f.Int("kept_gib", "the disks of an organization, in GiB", 0, 1<<30)
		rule.GiB = &gib
	}
	r := f.Refusal()
	if r == nil {
		err = h.Machines.SetKeptDisks(c.Request().Context(), who(c), where(c), rule)
		if r, _ = respond.AsForm(err); r == nil && err != nil {
			return err
		}
	}
	if r == nil {
		return h.Frame.Done(c, "/provider/settings", "Saved. It counts from the next launch, start or choice on.")
	}
	x, err := h.People.ProviderSettings(c.Request().Context(), where(c))
	if err != nil {
		return err
	}
	p, err := h.settingsProps(c, x)
	if err != nil {
		return err
	}
	p.KeptForm.Refusal, p.KeptDays, p.KeptGiB = r, f.Typed("kept_days"), f.Typed("kept_gib")
	return page.Render(c, respond.Status(r.Code), web.Settings(p))
}

// UpdateSettings changes what the provider says of itself.
func (h Handlers) UpdateSettings(c echo.Context) error {
	ctx := c.Request().Context()
	x, err := h.People.ProviderSettings(ctx, where(c))
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p, err := h.settingsProps(c, x)
	if err != nil {
		return err
	}
	p.LegalName, p.TaxID, p.InvoicePrefix, p.AccountingZone = f.Typed("legal_name"), f.Typed("tax_id"), f.Typed("invoice_prefix"), f.Typed("accounting_zone")
	f.Default("payment_days", strconv.Itoa(x.PaymentDays))
	p.SupportContact, p.About, p.Terms = f.Typed("support_contact"), f.Typed("about"), f.Typed("terms")
	p.Address, p.Country, p.VATID, p.BankName = f.Typed("address"), f.Typed("country"), f.Typed("vat_id"), f.Typed("bank_name")
	p.IBAN, p.BIC, p.PaymentDays = f.Typed("iban"), f.Typed("bic"), f.Typed("payment_days")
	words := people.ProviderWords{
		LegalName: strings.TrimSpace(p.LegalName), TaxID: strings.TrimSpace(p.TaxID), InvoicePrefix: strings.TrimSpace(p.InvoicePrefix),
		AccountingZone: strings.TrimSpace(p.AccountingZone), SupportContact: strings.TrimSpace(p.SupportContact),
		About: strings.TrimSpace(f.Lines("about", "the text", 16000)), Terms: strings.TrimSpace(f.Lines("terms", "the terms", 80000)),
		PaperWords: people.PaperWords{
			Address: f.Lines("address", "the address", 2000), Country: p.Country, VATID: strings.TrimSpace(p.VATID), BankName: strings.TrimSpace(p.BankName),
			IBAN: strings.TrimSpace(p.IBAN), BIC: strings.TrimSpace(p.BIC), PaymentDays: f.Int("payment_days", "the days", 0, 365),
		},
	}
	r := f.Refusal()
	if r == nil {
		err = h.People.UpdateProvider(ctx, who(c), where(c), words)
		if r, _ = respond.AsForm(err); r == nil && err != nil {
			return err
		}
	}
	if r != nil {
		p.Form = ui.Form{Refusal: r}
		return page.Render(c, respond.Status(r.Code), web.Settings(p))
	}
	return h.Frame.Done(c, "/provider/settings", "Saved.")
}
