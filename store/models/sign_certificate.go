package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ErrKeyEnded says that a key signs no more by which a certificate was signed just now: sign it by another one.
var ErrKeyEnded = errors.New("the key of a certificate has ended")

// SignCertificate keeps the envelope that keys of the provider and of the platform signed for a test. A test has one: what came first stays.
func (db *DB) SignCertificate(ctx context.Context, testID, providerKey, platformKey uuid.UUID, envelope []byte) error {
	id, err := store.NewID()
	if err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockKeys(ctx, tx, true); err != nil {
			return err
		}
		var sign int
		// The provider's key has to be that of the test's provider, the platform's that of nobody else.
		err := tx.QueryRow(ctx, `
			SELECT count(*) FROM certificate_keys k JOIN acceptance_tests t ON t.id = $1
			WHERE (k.id = $2 AND k.provider_id = t.provider_id OR k.id = $3 AND k.provider_id IS NULL) AND `+signs, testID, providerKey, platformKey).Scan(&sign)
		if err != nil {
			return fmt.Errorf("keys of a certificate: %w", err)
		}
		if sign != 2 {
			return ErrKeyEnded
		}
		var orgID, providerID uuid.UUID
		err = tx.QueryRow(ctx, `
			INSERT INTO certificates (id, test_id, organization_id, provider_id, document_digest, provider_key, platform_key, address, envelope)
			SELECT $1, t.id, t.organization_id, t.provider_id, t.document_digest, $3, $4, $5, $6
			FROM acceptance_tests t WHERE t.id = $2 AND t.state = 'passed'
			ON CONFLICT (test_id) DO NOTHING RETURNING organization_id, provider_id`,
			id, testID, providerKey, platformKey, store.NewToken(), string(envelope)).Scan(&orgID, &providerID)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("keep certificate of test %s: %w", testID, err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			Organization: orgID, Provider: providerID, Verb: "sign certificate", Subject: "acceptance_test", SubjectID: testID,
		})
	})
}
