package people

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// RequireCertificates says whose certificates a provider takes before a paid launch: "none", "own", "platform" or "any". What runs already goes
// on. Refusals: "invalid" for takes, NotFound("provider").
func (db *DB) RequireCertificates(ctx context.Context, by, providerID uuid.UUID, takes string) error {
	f := store.Fields{}
	f.Check(slices.Contains([]string{"none", "own", "platform", "any"}, takes), "takes", "Choose one of the answers.")
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var before string
		err := tx.QueryRow(ctx, `SELECT certificates_taken FROM providers WHERE id = $1 FOR NO KEY UPDATE`, providerID).Scan(&before)
		if err != nil {
			return store.Found(err, "provider")
		}
		if before == takes {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE providers SET certificates_taken = $2 WHERE id = $1`, providerID, takes); err != nil {
			return fmt.Errorf("require certificates: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Provider: providerID, Verb: "require certificates", Subject: "provider", SubjectID: providerID, Detail: map[string]any{"from": before, "to": takes},
		})
	})
}
