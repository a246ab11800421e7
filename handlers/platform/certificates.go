package platform

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	web "volary.dev/web/platform"
	"volary.dev/web/ui"
)

const certificatesPath = "/platform/certificates"

// ListCertificateKeys shows the keys that sign for the platform.
func (h Handlers) ListCertificateKeys(c echo.Context) error {
	return h.certificatesPage(c, http.StatusOK, ui.CertificateKeysProps{})
}

func (h Handlers) certificatesPage(c echo.Context, status int, p ui.CertificateKeysProps) error {
	keys, err := h.Models.CertificateKeys(c.Request().Context(), uuid.Nil)
	if err != nil {
		return err
	}
	l := h.layout(c)
	return page.Render(c, status, web.CertificateList(web.CertificateListProps{Layout: l, Keys: page.CertificateKeys(p, certificatesPath, l, keys)}))
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
		err = h.Models.RetireCertificateKey(c.Request().Context(), by(c), uuid.Nil, key)
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
		err = h.Models.RevokeCertificateKey(c.Request().Context(), by(c), uuid.Nil, key, reason)
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
		return h.certificatesPage(c, respond.Status(p.Form.Refusal.Code), p)
	}
	return h.Frame.Done(c, certificatesPath, done)
}
