package models

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"volary.dev/store"
)

// RevokeCertificateKey takes a key of a provider, or with Nil of the platform, back for ever: nothing that it signed is good any more. The
// reason is published. Refusals: "invalid" for reason, "state" (revoked already), "key_limit" (of a day), NotFound("key").
func (db *DB) RevokeCertificateKey(ctx context.Context, by, providerID, keyID uuid.UUID, reason string) error {
	reason = strings.TrimSpace(reason)
	f := store.Fields{}
	f.Length("reason", reason, 5, 500)
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.endKey(ctx, by, providerID, keyID, "revoked", reason)
}
