package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// ApplyAsProvider asks the platform to take a provider on. A rejected application is corrected by applying again.
// Refusals: "invalid" by field (name, currency and those of ProviderWords), "duplicate" by field, "applied" where one
// of the person's waits already.
func (db *DB) ApplyAsProvider(ctx context.Context, personID uuid.UUID, a ProviderApplication) (uuid.UUID, error) {
	if err := a.Check(); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM people WHERE id = $1 FOR NO KEY UPDATE`, personID); err != nil {
			return fmt.Errorf("lock applicant: %w", err)
		}
		waiting, again, err := earlierApplications(ctx, tx, personID)
		if err != nil {
			return err
		}
		if waiting {
			return &refusal.Error{Code: "applied", Title: "An application of yours waits for the platform's answer.", Next: "You hear by mail when it is decided; until then it stays as it is."}
		}
		if again != uuid.Nil {
			id = again
		}
		if err := a.write(ctx, tx, id, personID); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: personID, Provider: id, Verb: "apply as provider", Subject: "provider", SubjectID: id})
	})
	return id, err
}

// Check is what ApplyAsProvider refuses of the fields themselves ("invalid"), for a form that tells all faults at once. The name is kept as
// typed.ParseName has it.
func (a *ProviderApplication) Check() error {
	f := store.Fields{}
	f.Name("name", &a.Name, 2, 80)
	_, err := billing.Currency(a.Currency).MinorDigits()
	f.Check(err == nil, "currency", "%q is no currency: write its three letters, such as EUR.", a.Currency)
	a.check(f)
	return f.Refusal()
}

func earlierApplications(ctx context.Context, tx pgx.Tx, personID uuid.UUID) (waiting bool, rejected uuid.UUID, err error) {
	rows, _ := tx.Query(ctx, `SELECT id, state FROM providers WHERE applied_by = $1 AND state IN ('applied', 'rejected') ORDER BY applied_at FOR UPDATE`, personID)
	type row struct {
		ID    uuid.UUID
		State string
	}
	list, err := store.All(rows, "applications", pgx.RowToStructByName[row])
	for _, r := range list {
		if r.State == "applied" {
			waiting = true
		} else {
			rejected = r.ID
		}
	}
	return waiting, rejected, err
}
