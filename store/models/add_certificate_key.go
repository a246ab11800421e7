package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// AddCertificateKey gives a provider, or with Nil the platform, a key that signs, where none does: of two workers that make one, one does.
func (db *DB) AddCertificateKey(ctx context.Context, providerID uuid.UUID, public, sealed []byte) error {
	id, err := store.NewID()
	if err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockKeys(ctx, tx, false); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO certificate_keys (id, provider_id, public_key, sealed) SELECT $1, $2, $3, $4
			WHERE NOT EXISTS (SELECT FROM certificate_keys k WHERE k.provider_id IS NOT DISTINCT FROM $2 AND `+signs+`)`,
			id, store.OrNull(providerID), public, sealed)
		if err != nil {
			return fmt.Errorf("add key of certificates: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{Provider: providerID, Verb: "make certificate key", Subject: "certificate_key", SubjectID: id})
	})
}
