package loops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/certificate"
	"volary.dev/store/books"
	"volary.dev/store/models"
	"volary.dev/store/sealing"
)

// How often it is looked for certificates to sign; how long after one that failed; and how many in one look.
const (
	certifyTick  = 2 * time.Second
	certifyAgain = time.Minute
	certifyMost  = 50
)

// Certifier signs the certificates of tests that passed and the heads of each day, and makes the keys by which it does. Every worker runs one: a test has one
// certificate and an owner one key that signs, whoever comes first.
//
// 2026-11-30: a test's end does not wait for its certificate. What that will say is written down with the end, and signed here, again
// after each failure: a worker with another identity, or one that dies, delays it and changes nothing of it.
type Certifier struct {
	Models   *models.DB
	Books    *books.DB        // whose heads it signs, too
	Identity sealing.Identity // opens private keys, and seals those that are made
	Log      *slog.Logger
}

// Run signs until ctx ends.
func (c *Certifier) Run(ctx context.Context) error {
	for {
		wait := certifyTick
		if err := c.Look(ctx); err != nil && ctx.Err() == nil {
			c.Log.ErrorContext(ctx, "sign certificates", "error", err)
			wait = certifyAgain
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// Look makes the keys that are missing, and signs what waits.
func (c *Certifier) Look(ctx context.Context) error {
	owners, err := c.Models.OwnersWithoutKey(ctx)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		if err := c.makeKey(ctx, owner); err != nil {
			return err
		}
	}
	claims, err := c.Models.CertificateClaims(ctx, certifyMost)
	if err != nil {
		return err
	}
	errs := []error{c.signAnchors(ctx)} // one that cannot be signed keeps no other from it
	for _, claim := range claims {
		if err := c.sign(ctx, claim); err != nil {
			errs = append(errs, fmt.Errorf("certificate of test %s: %w", claim.TestID, err))
		}
	}
	return errors.Join(errs...)
}

func (c *Certifier) makeKey(ctx context.Context, owner uuid.UUID) error {
	key, err := certificate.NewKey()
	if err != nil {
		return err
	}
	sealed, err := c.Identity.Recipient().Seal(key.Secret())
	if err != nil {
		return err
	}
	c.Log.InfoContext(ctx, "make a key of certificates", "provider", owner, "key", certificate.KeyID(key.Public()))
	return c.Models.AddCertificateKey(ctx, owner, key.Public(), sealed)
}

func (c *Certifier) sign(ctx context.Context, claim models.CertificateClaim) error {
	provider, err := c.key(ctx, claim.ProviderID)
	if err != nil {
		return err
	}
	platform, err := c.key(ctx, uuid.Nil)
	if err != nil {
		return err
	}
	envelope, err := certificate.Sign(ctx, claim.Test, time.Now(), provider.Private, platform.Private)
	if err != nil {
		return err
	}
	err = c.Models.SignCertificate(ctx, claim.TestID, provider.ID, platform.ID, envelope)
	if errors.Is(err, models.ErrKeyEnded) {
		return nil // the next look has another key
	}
	return err
}

type opened struct {
	ID uuid.UUID
	certificate.Private
}

// key opens the one that signs for an owner. What was put into another row signs nothing.
func (c *Certifier) key(ctx context.Context, owner uuid.UUID) (opened, error) {
	k, err := c.Models.SigningKey(ctx, owner)
	if err != nil {
		return opened{}, err
	}
	secret, err := c.Identity.Open(k.Sealed)
	if err != nil {
		return opened{}, fmt.Errorf("private key of %s: %w", k.ID, err)
	}
	private, err := certificate.ParseSecret(secret)
	if err != nil {
		return opened{}, err
	}
	if !bytes.Equal(private.Public(), k.PublicKey) {
		return opened{}, fmt.Errorf("private key of %s: it is another key's", k.ID)
	}
	return opened{k.ID, private}, nil
}
