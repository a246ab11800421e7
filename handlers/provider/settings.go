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
	p := settingsProps(x)
	p.Layout = h.layout(c)
	p.LegalName, p.TaxID, p.InvoicePrefix, p.AccountingZone = x.LegalName, x.TaxID, x.InvoicePrefix, x.AccountingZone
	p.SupportContact, p.About, p.Terms = x.SupportContact, x.About, x.Terms
	p.Address, p.Country, p.VATID, p.BankName, p.IBAN, p.BIC, p.PaymentDays = x.Address, x.Country, x.VATID, x.BankName, x.IBAN, x.BIC, strconv.Itoa(x.PaymentDays)
	return page.Render(c, http.StatusOK, web.Settings(p))
}

func settingsProps(x people.ProviderSettings) web.SettingsProps {
	return web.SettingsProps{Name: x.Name, Currency: x.Currency, ZoneFixed: x.Booked, PrefixFixed: x.Invoiced, Countries: sales.Countries()}
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
	p := settingsProps(x)
	p.Layout = h.layout(c)
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
