package loops

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/provisioner/certificate"
	"volary.dev/store/books"
	"volary.dev/store/models"
)

// comparedDays is how many older days' heads an audit run compares the ledger with.
const comparedDays = 40

// signAnchors signs the heads that audit runs wrote down, by the platform's key: it vouches for the whole ledger, whosever journals they are.
func (c *Certifier) signAnchors(ctx context.Context) error {
	list, err := c.Books.UnsignedAnchors(ctx, certifyMost)
	if err != nil || len(list) == 0 {
		return err
	}
	key, err := c.key(ctx, uuid.Nil)
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range list {
		envelope, err := certificate.SignPayload(ctx, billing.HeadsPayload, []byte(a.Heads), key.Private)
		if err == nil {
			err = c.Books.SignAnchor(ctx, a.ID, key.ID, envelope)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("anchor %s: %w", a.ID, err))
		}
	}
	return errors.Join(errs...)
}

// olderHeads reads the heads of older days, each by its signature: whoever changes a chain in the database would change them, too. By a key that was
// revoked nothing is vouched for; any other signature that does not hold is a difference.
func olderHeads(ctx context.Context, b *books.DB, m *models.DB) (known books.Known, err error) {
	envelopes, err := b.LastAnchors(ctx, comparedDays)
	if err != nil || len(envelopes) == 0 {
		return known, err
	}
	ring, err := m.CertificateRing(ctx)
	if err != nil {
		return known, err
	}
	for _, e := range envelopes {
		payload, signature, err := certificate.OpenPayload([]byte(e), billing.HeadsPayload, ring)
		if err == nil && signature.State == certificate.SignatureRevoked {
			continue
		}
		day, heads, unread := billing.ReadHeads(payload)
		if err == nil {
			err = unread
		}
		if err != nil || signature.State != certificate.SignatureValid {
			what := "the signature of the heads of " + day.Format("2006-01-02")
			known.Broken = &billing.Difference{What: what, Expected: "valid", Found: fmt.Sprint(signature.State)}
			continue
		}
		known.Older = append(known.Older, heads...)
	}
	return known, nil
}
