package public

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/certificate"
	web "volary.dev/web/public"
)

// ShowCertificate shows a certificate to whoever has its address.
func (h Handlers) ShowCertificate(c echo.Context) error {
	address := c.Param("address")
	kept, ring, err := h.Models.Certificate(c.Request().Context(), address)
	if err != nil {
		return err
	}
	v, err := certificate.Verify([]byte(kept.Envelope), ring)
	if err != nil {
		return err
	}
	p := certificateProps(v)
	p.Layout, p.Address = h.layout(c), address
	notIndexed(c)
	return page.Render(c, http.StatusOK, web.CertificateShow(p))
}

// DownloadCertificate sends the envelope as it was signed.
func (h Handlers) DownloadCertificate(c echo.Context) error {
	kept, _, err := h.Models.Certificate(c.Request().Context(), c.Param("address"))
	if err != nil {
		return err
	}
	notIndexed(c)
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, []byte(kept.Envelope))
}

// ShowCertificateKeys publishes every key there ever was, with what became of it.
func (h Handlers) ShowCertificateKeys(c echo.Context) error {
	ring, err := h.Models.CertificateRing(c.Request().Context())
	if err != nil {
		return err
	}
	b, err := ring.Write()
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, b)
}

// notIndexed keeps an address that was passed on out of search engines.
func notIndexed(c echo.Context) { c.Response().Header().Set("X-Robots-Tag", "noindex") }

func certificateProps(v certificate.Verified) web.CertificateShowProps {
	t := v.Statement.Predicate.Test
	p := web.CertificateShowProps{
		Model: t.Model, Version: t.Version, Valid: v.Valid(), Provider: t.Provider.Name, Pool: t.Pool, Machine: t.Machine.Type, CPU: t.Machine.CPU,
		Began: t.Began, Ended: t.Ended, Document: t.Document, Suite: t.Suite,
	}
	for _, i := range t.Images {
		p.Images = append(p.Images, web.CertifiedImage{Name: i.Name, Groups: strings.Join(i.Groups, ", "), Uploaded: i.Uploaded, Canonical: i.Canonical, Guest: i.Guest})
	}
	for _, x := range t.Checks {
		p.Checks = append(p.Checks, web.CertifiedCheck{Title: x.Title, Result: string(x.Result), Channel: x.Channel, Took: time.Duration(x.Seconds * float64(time.Second))})
	}
	for _, n := range t.NotObserved {
		p.NotObserved = append(p.NotObserved, web.CertifiedLack(n))
	}
	for _, n := range t.Nodes {
		p.Nodes = append(p.Nodes, web.CertifiedNodes(n))
	}
	for _, x := range t.Hosts {
		p.Hosts = append(p.Hosts, web.CertifiedHost{Processor: x.Processor, Acceleration: x.Acceleration, Processors: x.Processors, MemoryMiB: x.MemoryMiB, Nodes: x.Nodes})
	}
	for _, s := range v.Signatures {
		signed := web.CertifiedSignature{By: "the platform", Key: s.KeyID, State: string(s.State)}
		if !s.Key.Platform() {
			signed.By = s.Key.Of.Name
		}
		if s.Key.Revoked != nil {
			signed.At, signed.Reason = s.Key.Revoked.At, s.Key.Revoked.Reason
		}
		p.Signatures = append(p.Signatures, signed)
	}
	return p
}
