package books

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// ExemptFromTax has an organization's papers say that a certificate exempts it, on the days from to until, both included. Refusals: "invalid" by
// field (certificate, certificate_from, certificate_until), "duplicate", NotFound("organization").
func (db *DB) ExemptFromTax(ctx context.Context, by, providerID, orgID uuid.UUID, certificate string, from, until typed.Day) error {
	certificate = strings.TrimSpace(certificate)
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if _, _, err := customer(ctx, tx, providerID, orgID); err != nil {
			return err
		}
		today, err := today(ctx, tx, providerID)
		if err != nil {
			return err
		}
		f := store.Fields{}
		f.Length("certificate", certificate, 1, 80)
		f.Check(!from.IsZero() && from.Compare(today) >= 0, "certificate_from", "Choose today, %s, or a day to come: papers of before were taxed by what held then.", today)
		f.Check(!until.IsZero() && until.Compare(from) >= 0, "certificate_until", "Choose the certificate’s last day, which is not before its first.")
		if err := f.Refusal(); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO tax_exemptions (provider_id, organization_id, certificate, from_day, until_day, set_by, created_at)
			VALUES ($1, $2, $3, $4::text::date, $5::text::date, $6, now())`, providerID, orgID, certificate, from.String(), until.String(), store.OrNull(by))
		if store.UniqueViolation(err, "tax_exemptions_pkey") {
			title := fmt.Sprintf("A certificate of the organization begins on %s already.", from)
			return &refusal.Error{Code: "duplicate", Title: title, Next: "Choose another day.", Fields: map[string]string{"certificate_from": title}}
		}
		if err != nil {
			return fmt.Errorf("exempt from tax: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Provider: providerID, Verb: "exempt from tax", Subject: "organization", SubjectID: orgID,
			Detail: map[string]any{"certificate": certificate, "from": from.String(), "until": until.String()},
		})
	})
}
