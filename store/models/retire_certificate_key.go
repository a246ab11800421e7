package models

import (
	"context"

	"github.com/google/uuid"
)

// RetireCertificateKey lets a key of a provider, or with Nil of the platform, sign nothing more; the worker makes another one. What it signed
// stays good. Refusals: "state" (ended already), "key_limit" (of a day), NotFound("key").
func (db *DB) RetireCertificateKey(ctx context.Context, by, providerID, keyID uuid.UUID) error {
	return db.endKey(ctx, by, providerID, keyID, "retired", "")
}
