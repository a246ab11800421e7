package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/certificate"
	"volary.dev/store"
)

// Certificate is one as it was signed.
type Certificate struct {
	Address   string // of its page, which nobody guesses
	Envelope  string
	CreatedAt time.Time
}

// Certificate finds a certificate by its address, whosever it is: who has the address may read it. Its keys come with it, as they stand now.
func (db *DB) Certificate(ctx context.Context, address string) (c Certificate, ring certificate.Ring, err error) {
	rows, _ := db.pool.Query(ctx, `SELECT address, envelope, created_at FROM certificates WHERE address = $1`, address)
	if c, err = store.One(rows, "certificate", pgx.RowToStructByName[Certificate]); err != nil {
		return c, ring, err
	}
	keys, err := readKeys(ctx, db.pool, `JOIN certificates c ON k.id IN (c.provider_key, c.platform_key) AND c.address = $1 ORDER BY k.created_at, k.id`, address)
	return c, ringOf(keys), err
}

// CertificateRow is a certificate in a list of its organization's. Good is worth what a signature is: of the provider's key, and of the platform's.
type CertificateRow struct {
	TestID       uuid.UUID
	Address      string
	ProviderName string
	PoolName     string
	CreatedAt    time.Time
	ProviderGood bool
	PlatformGood bool
}

// goodKey is the condition that a key was not revoked.
func goodKey(column string) string {
	return `NOT EXISTS (SELECT FROM certificate_key_ends e WHERE e.key_id = ` + column + ` AND e.kind = 'revoked')`
}

var selectCertificates = `
	SELECT c.test_id, c.address, pr.name AS provider_name, p.name AS pool_name, c.created_at,
		` + goodKey("c.provider_key") + ` AS provider_good, ` + goodKey("c.platform_key") + ` AS platform_good
	FROM certificates c JOIN acceptance_tests t ON t.id = c.test_id JOIN pools p ON p.id = t.pool_id JOIN providers pr ON pr.id = c.provider_id`

// CertificateOfTest finds the certificate of a test; ok is false where it has none, or none yet.
func (db *DB) CertificateOfTest(ctx context.Context, orgID, testID uuid.UUID) (c CertificateRow, ok bool, err error) {
	rows, _ := db.pool.Query(ctx, selectCertificates+` WHERE c.organization_id = $1 AND c.test_id = $2`, orgID, testID)
	c, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[CertificateRow])
	if errors.Is(err, pgx.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("certificate of test %s: %w", testID, err)
	}
	return c, true, nil
}

// mostCertificates is how many of a version are listed.
const mostCertificates = 20

// CertificatesOfVersion lists those of a version's tests, and those that came with a clone of its document, the newest first.
func (db *DB) CertificatesOfVersion(ctx context.Context, orgID, versionID uuid.UUID) ([]CertificateRow, error) {
	rows, _ := db.pool.Query(ctx, selectCertificates+` 
		WHERE c.organization_id = $1 AND t.version_id = $2 OR c.id IN (SELECT g.certificate_id FROM given_certificates g WHERE g.organization_id = $1)
			AND c.document_digest = (SELECT v.document_digest FROM model_versions v WHERE v.organization_id = $1 AND v.id = $2)
		ORDER BY c.created_at DESC, c.id DESC LIMIT $3`,
		orgID, versionID, mostCertificates)
	return store.All(rows, "certificates of a version", pgx.RowToStructByName[CertificateRow])
}

// CertificateClaim is what a certificate is to say that is not signed yet.
type CertificateClaim struct {
	TestID     uuid.UUID
	ProviderID uuid.UUID
	Test       certificate.Test
}

// CertificateClaims lists what waits to be signed, the longest waiting first.
func (db *DB) CertificateClaims(ctx context.Context, most int) ([]CertificateClaim, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT c.test_id, t.provider_id, c.claim FROM certificate_claims c JOIN acceptance_tests t ON t.id = c.test_id
		WHERE NOT EXISTS (SELECT FROM certificates s WHERE s.test_id = c.test_id) ORDER BY c.created_at, c.test_id LIMIT $1`, most)
	return store.All(rows, "claims of certificates", func(row pgx.CollectableRow) (c CertificateClaim, err error) {
		var claim []byte
		if err := row.Scan(&c.TestID, &c.ProviderID, &claim); err != nil {
			return c, err
		}
		return c, json.Unmarshal(claim, &c.Test)
	})
}

// TakesCertificates is whose certificates a provider takes before a paid launch.
type TakesCertificates string

// What a provider may take.
const (
	TakesNone     TakesCertificates = "none"     // it wants to see none
	TakesOwn      TakesCertificates = "own"      // signed by its own key
	TakesPlatform TakesCertificates = "platform" // signed by the platform's
	TakesAny      TakesCertificates = "any"      // by any provider's, or the platform's
)

// CertifiedFor tells whether an organization has a certificate of a document that a provider takes, its own or one that it got with a clone, whatever it wants to see. Revoked keys
// count for nothing.
func CertifiedFor(ctx context.Context, q store.Queryer, orgID, providerID uuid.UUID, documentDigest string, takes TakesCertificates) (ok bool, err error) {
	if takes == TakesNone {
		return true, nil
	}
	err = q.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM certificates c WHERE c.document_digest = $2
			AND (c.organization_id = $1 OR EXISTS (SELECT FROM given_certificates g WHERE g.organization_id = $1 AND g.certificate_id = c.id)) AND CASE $3::text
			WHEN 'own' THEN c.provider_id = $4 AND `+goodKey("c.provider_key")+`
			WHEN 'platform' THEN `+goodKey("c.platform_key")+`
			ELSE `+goodKey("c.provider_key")+` OR `+goodKey("c.platform_key")+` END)`, orgID, documentDigest, string(takes), providerID).Scan(&ok)
	if err != nil {
		return false, fmt.Errorf("look for a certificate: %w", err)
	}
	return ok, nil
}
