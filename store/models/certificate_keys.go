package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/certificate"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// CertificateKey is a key that signs certificates, or did.
type CertificateKey struct {
	ID           uuid.UUID
	ProviderID   *uuid.UUID // nil: the platform's
	ProviderName string
	KeyID        string // what the public key is known by
	PublicKey    []byte
	CreatedAt    time.Time
	RetiredAt    *time.Time
	RevokedAt    *time.Time
	Reason       string // of the revocation
}

// Signs tells whether the key may sign.
func (k CertificateKey) Signs() bool { return k.RetiredAt == nil && k.RevokedAt == nil }

// readKeys reads keys k by what follows their FROM.
func readKeys(ctx context.Context, q store.Queryer, which string, args ...any) ([]CertificateKey, error) {
	rows, _ := q.Query(ctx, `
		SELECT k.id, k.provider_id, coalesce(pr.name, '') AS provider_name, k.key_id, k.public_key, k.created_at,
			retired.at AS retired_at, revoked.at AS revoked_at, coalesce(revoked.reason, '') AS reason
		FROM certificate_keys k LEFT JOIN providers pr ON pr.id = k.provider_id
		LEFT JOIN certificate_key_ends retired ON retired.key_id = k.id AND retired.kind = 'retired'
		LEFT JOIN certificate_key_ends revoked ON revoked.key_id = k.id AND revoked.kind = 'revoked' `+which, args...)
	return store.All(rows, "keys of certificates", pgx.RowToStructByName[CertificateKey])
}

// mostListedKeys is how many keys of an owner a page shows; all are published.
const mostListedKeys = 100

// CertificateKeys lists the keys of a provider, or with Nil of the platform, the newest first.
func (db *DB) CertificateKeys(ctx context.Context, providerID uuid.UUID) ([]CertificateKey, error) {
	return readKeys(ctx, db.pool, `WHERE k.provider_id IS NOT DISTINCT FROM $1 ORDER BY k.created_at DESC, k.id DESC LIMIT $2`, store.OrNull(providerID), mostListedKeys)
}

// CertificateRing is what is published: every key there ever was, with its end.
func (db *DB) CertificateRing(ctx context.Context) (certificate.Ring, error) {
	keys, err := readKeys(ctx, db.pool, `ORDER BY k.created_at, k.id`)
	return ringOf(keys), err
}

func ringOf(keys []CertificateKey) (r certificate.Ring) {
	for _, k := range keys {
		key := certificate.Key{ID: k.KeyID, Public: k.PublicKey, Since: k.CreatedAt.UTC(), Retired: k.RetiredAt}
		if k.ProviderID != nil {
			key.Of = certificate.Provider{ID: k.ProviderID.String(), Name: k.ProviderName}
		}
		if k.RevokedAt != nil {
			key.Revoked = &certificate.Revocation{At: k.RevokedAt.UTC(), Reason: k.Reason}
		}
		r.Keys = append(r.Keys, key)
	}
	return r
}

// SealedKey is a key that signs, with its private part, which only the worker opens.
type SealedKey struct {
	ID        uuid.UUID
	PublicKey []byte
	Sealed    []byte
}

// SigningKey finds the key that signs for a provider, or with Nil for the platform. NotFound("key") where none does.
func (db *DB) SigningKey(ctx context.Context, providerID uuid.UUID) (SealedKey, error) {
	rows, _ := db.pool.Query(ctx, `SELECT k.id, k.public_key, k.sealed FROM certificate_keys k WHERE k.provider_id IS NOT DISTINCT FROM $1 AND `+signs+`
		ORDER BY k.created_at DESC, k.id DESC LIMIT 1`, store.OrNull(providerID))
	return store.One(rows, "key", pgx.RowToStructByName[SealedKey])
}

// signs is the condition that a key k has no end.
const signs = `NOT EXISTS (SELECT FROM certificate_key_ends e WHERE e.key_id = k.id)`

// OwnersWithoutKey lists the providers for whom no key signs; Nil stands for the platform.
func (db *DB) OwnersWithoutKey(ctx context.Context) ([]uuid.UUID, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT coalesce(o.id, '00000000-0000-0000-0000-000000000000')
		FROM (SELECT id FROM providers WHERE state IN ('active', 'suspended') UNION ALL SELECT NULL::uuid) AS o
		WHERE NOT EXISTS (SELECT FROM certificate_keys k WHERE k.provider_id IS NOT DISTINCT FROM o.id AND `+signs+`)
		ORDER BY 1 LIMIT 100`)
	return store.All(rows, "owners without a key", pgx.RowTo[uuid.UUID])
}

// lockKeys lets one transaction at a time make or end keys; those that sign share it.
func lockKeys(ctx context.Context, tx pgx.Tx, shared bool) error {
	lock := `pg_advisory_xact_lock`
	if shared {
		lock = `pg_advisory_xact_lock_shared`
	}
	if _, err := tx.Exec(ctx, `SELECT `+lock+`(hashtextextended('volary certificate keys', 0))`); err != nil {
		return fmt.Errorf("lock keys of certificates: %w", err)
	}
	return nil
}

// mostKeyEnds is how many keys an owner may end within a day: each makes a new one, which is kept for ever.
const mostKeyEnds = 10

// endKey writes that a key of a provider, or with Nil of the platform, is no more what it was, tells its owner's admins, and the log.
func (db *DB) endKey(ctx context.Context, by, providerID, keyID uuid.UUID, kind, reason string) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockKeys(ctx, tx, false); err != nil {
			return err
		}
		list, err := readKeys(ctx, tx, `WHERE k.id = $1 AND k.provider_id IS NOT DISTINCT FROM $2`, keyID, store.OrNull(providerID))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return refusal.NotFound("key")
		}
		k := list[0]
		if k.RevokedAt != nil || kind == "retired" && k.RetiredAt != nil {
			return &refusal.Error{Code: "state", Title: "This key signs no more already.", Next: "Look at the list: another key signs, or is about to."}
		}
		if err := refuseManyEnds(ctx, tx, providerID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO certificate_key_ends (key_id, kind, reason, person_id) VALUES ($1, $2, $3, $4)`, k.ID, kind, reason, by); err != nil {
			return fmt.Errorf("end key %s: %w", k.ID, err)
		}
		if err := db.warnOfKey(ctx, tx, by, k, kind, reason); err != nil {
			return err
		}
		verb := map[string]string{"retired": "retire certificate key", "revoked": "revoke certificate key"}[kind]
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Provider: providerID, Verb: verb, Subject: "certificate_key", SubjectID: k.ID, Detail: map[string]any{"reason": reason, "key": k.KeyID},
		})
	})
}

func refuseManyEnds(ctx context.Context, tx pgx.Tx, providerID uuid.UUID) error {
	var today int
	err := tx.QueryRow(ctx, `
		SELECT count(*) FROM certificate_key_ends e JOIN certificate_keys k ON k.id = e.key_id
		WHERE k.provider_id IS NOT DISTINCT FROM $1 AND e.at > now() - interval '1 day'`, store.OrNull(providerID)).Scan(&today)
	if err != nil {
		return fmt.Errorf("count ends of keys: %w", err)
	}
	if today >= mostKeyEnds {
		return &refusal.Error{
			Code: "key_limit", Title: fmt.Sprintf("%d keys were ended in the last 24 hours, which is the most: each is published for ever.", today),
			Next: "Wait until tomorrow, or ask the people who run this Volary.",
		}
	}
	return nil
}

// warnOfKey tells the admins of whose key it is.
func (db *DB) warnOfKey(ctx context.Context, tx pgx.Tx, by uuid.UUID, k CertificateKey, kind, reason string) error {
	var admins []uuid.UUID
	var giver string
	err := tx.QueryRow(ctx, `
		SELECT CASE WHEN $1::uuid IS NULL THEN (SELECT coalesce(array_agg(id), '{}') FROM people WHERE platform_admin)
			ELSE (SELECT coalesce(array_agg(person_id), '{}') FROM staff WHERE provider_id = $1 AND role = 'admin') END,
			coalesce((SELECT name FROM people WHERE id = $2), '')`, k.ProviderID, by).Scan(&admins, &giver)
	if err != nil {
		return fmt.Errorf("read whom to warn of a key: %w", err)
	}
	place, path := "the platform", "/platform/certificates"
	if k.ProviderID != nil {
		place, path = k.ProviderName, "/provider/certificates"
	}
	return db.core.Warn(ctx, tx, admins, store.MailCertificateKey, map[string]string{
		"place": place, "key": k.KeyID, "revoked": map[string]string{"revoked": "yes"}[kind], "reason": reason, "by": giver, "path": path,
	})
}
