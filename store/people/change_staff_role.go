package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// ChangeStaffRole gives one of a provider's staff another role. Refusals: "invalid" for role, "last_admin",
// NotFound("person").
func (db *DB) ChangeStaffRole(ctx context.Context, by, providerID, personID uuid.UUID, role StaffRole) error {
	known := role.check() == nil
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		was, err := lockStaff(ctx, tx, providerID, personID, role == StaffAdmin || !known)
		switch {
		case err != nil || was == role:
			return err
		case !known:
			return refusal.Invalid(map[string]string{"role": "Choose admin, operator, accountant or auditor."})
		}
		if _, err := tx.Exec(ctx, `UPDATE staff SET role = $3 WHERE provider_id = $1 AND person_id = $2`, providerID, personID, role); err != nil {
			return fmt.Errorf("change role of staff: %w", err)
		}
		if err := db.warnOfRole(ctx, tx, Place{ProviderID: providerID}, personID, by, string(role)); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Provider: providerID, Verb: "change staff role", Subject: "person", SubjectID: personID,
			Detail: map[string]any{"from": was, "to": role},
		})
	})
}
