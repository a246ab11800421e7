package people

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// AddStaff makes a person one of a provider's staff, or changes the role of one; who has it already keeps it,
// and nothing is logged. Refusals: "invalid" for role, NotFound.
func (db *DB) AddStaff(ctx context.Context, by, providerID, personID uuid.UUID, role StaffRole) error {
	if err := role.check(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		changed, err := insertStaff(ctx, tx, providerID, personID, role)
		if store.ForeignKeyViolation(err) {
			return refusal.NotFound("person or provider")
		}
		if err != nil || !changed {
			return err
		}
		if err := db.warnOfRole(ctx, tx, Place{ProviderID: providerID}, personID, by, string(role)); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "add staff", Subject: "person", SubjectID: personID, Detail: map[string]any{"role": role}})
	})
}
