package page

import (
	"volary.dev/store/models"
	"volary.dev/web/layout"
	"volary.dev/web/ui"
)

// CertificateKeys fills the part of a page that shows an owner's keys.
func CertificateKeys(p ui.CertificateKeysProps, base string, l layout.Props, keys []models.CertificateKey) ui.CertificateKeysProps {
	p.Base, p.Now, p.Zone = base, l.Now, l.Zone
	for _, k := range keys {
		row := ui.CertificateKeyRow{ID: k.ID.String(), Fingerprint: k.KeyID, State: "signs", Since: k.CreatedAt, Reason: k.Reason}
		switch {
		case k.RevokedAt != nil:
			row.State, row.Ended = "revoked", *k.RevokedAt
		case k.RetiredAt != nil:
			row.State, row.Ended = "retired", *k.RetiredAt
		}
		p.Keys = append(p.Keys, row)
	}
	return p
}
