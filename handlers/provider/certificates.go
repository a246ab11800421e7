package provider

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

const certificatesPath = "/provider/certificates"

// ListCertificateKeys shows the keys that sign for the provider, and whose certificates it takes.
func (h Handlers) ListCertificateKeys(c echo.Context) error {
	return h.certificatesPage(c, http.StatusOK, web.CertificateListProps{})
}

// certificatesPage shows the page, and what was refused.
func (h Handlers) certificatesPage(c echo.Context, status int, p web.CertificateListProps) error {
	ctx := c.Request().Context()
	keys, err := h.Models.CertificateKeys(ctx, where(c))
	if err != nil {
		return err
	}
	if p.Form.Refusal == nil {
		x, err := h.People.ProviderSettings(ctx, where(c))
		if err != nil {
			return err
		}
		p.Takes = x.CertificatesTaken
	}
	p.Layout = h.layout(c)
	p.Keys = page.CertificateKeys(p.Keys, certificatesPath, p.Layout, keys)
	return page.Render(c, status, web.CertificateList(p))
}

// RequireCertificates says whose certificates the provider takes before a launch.
func (h Handlers) RequireCertificates(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	takes := f.Typed("takes")
	err = h.People.RequireCertificates(c.Request().Context(), who(c), where(c), takes)
	if r, ok := respond.AsForm(err); ok {
		return h.certificatesPage(c, respond.Status(r.Code), web.CertificateListProps{Takes: takes, Form: ui.Form{Refusal: r}})
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, certificatesPath, "Saved. It counts from the next launch on.")
}

// RetireCertificateKey lets another key sign.
func (h Handlers) RetireCertificateKey(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	key := f.ID("key", "a key")
	r := f.Refusal()
	if r == nil {
		err = h.Models.RetireCertificateKey(c.Request().Context(), who(c), where(c), key)
	}
	return h.keyEnded(c, ui.CertificateKeysProps{Form: ui.Form{Refusal: r}}, err, "The key signs no more. The worker makes another one within moments.")
}

// RevokeCertificateKey takes a key back, with the reason.
func (h Handlers) RevokeCertificateKey(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := ui.CertificateKeysProps{Key: f.Typed("key"), Reason: f.Typed("reason")}
	key, reason := f.ID("key", "a key"), f.Text("reason", "the reason", 5, 500)
	p.Form.Refusal = f.Refusal()
	if p.Form.Refusal == nil {
		err = h.Models.RevokeCertificateKey(c.Request().Context(), who(c), where(c), key, reason)
	}
	return h.keyEnded(c, p, err, "The key is revoked, and that is published.")
}

func (h Handlers) keyEnded(c echo.Context, p ui.CertificateKeysProps, err error, done string) error {
	if r, ok := respond.AsForm(err); ok {
		p.Form.Refusal = r
	} else if err != nil {
		return err
	}
	if p.Form.Refusal != nil {
		return h.certificatesPage(c, respond.Status(p.Form.Refusal.Code), web.CertificateListProps{Keys: p})
	}
	return h.Frame.Done(c, certificatesPath, done)
}
