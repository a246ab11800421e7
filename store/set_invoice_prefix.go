package store

import (
	"context"
	"fmt"
	"regexp"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// prefixForm is what the numbers of invoices may begin with.
var prefixForm = regexp.MustCompile(`^[A-Z][A-Z0-9]{1,7}$`)

// SetInvoicePrefix says what the numbers of a provider's invoices begin with from now on; those that were issued keep
// theirs, and the counting goes on. Refusals: "invalid" for invoice_prefix, "duplicate" where another provider has it,
// NotFound("provider").
func (db *DB) SetInvoicePrefix(ctx context.Context, by, providerID uuid.UUID, prefix string) error {
	f := fields{}
	f.check(prefixForm.MatchString(prefix), "invoice_prefix", "Write 2 to 8 capital letters and digits, a letter first, such as NOR; %q is none.", prefix)
	if err := f.refusal(); err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE providers SET invoice_prefix = $2 WHERE id = $1`, providerID, prefix)
		switch {
		case uniqueViolation(err, "providers_invoice_prefix_key"):
			title := fmt.Sprintf("Another provider's invoices begin with %s already.", prefix)
			return &provisioner.Refusal{Code: "duplicate", Title: title, Next: "Choose another prefix.", Fields: map[string]string{"invoice_prefix": title}}
		case err != nil:
			return fmt.Errorf("set invoice prefix: %w", err)
		case tag.RowsAffected() == 0:
			return provisioner.NotFound("provider")
		}
		return writeAudit(ctx, tx, auditRow{
			By: by, Provider: providerID, Verb: "set invoice prefix", Subject: "provider", SubjectID: providerID, Detail: map[string]any{"prefix": prefix},
		})
	})
}

// LacksInvoicePrefix tells whether a provider cannot issue invoices yet.
func (db *DB) LacksInvoicePrefix(ctx context.Context, providerID uuid.UUID) (bool, error) {
	var lacks bool
	err := db.pool.QueryRow(ctx, `SELECT invoice_prefix IS NULL FROM providers WHERE id = $1`, providerID).Scan(&lacks)
	return lacks, found(err, "provider")
}
