package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// ActivateHost lets a host take nodes again; one that does not answer now takes them when it does. Refusals:
// "host_unchecked" where its last check did not pass, "suspended", NotFound("host").
func (db *DB) ActivateHost(ctx context.Context, by, providerID, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspendedProvider(ctx, tx, providerID); err != nil {
			return err
		}
		h, err := lockHost(ctx, tx, providerID, id)
		if err != nil {
			return err
		}
		if !h.Checked {
			return &refusal.Error{
				Code: "host_unchecked", Title: h.Name + " has not passed its last check.",
				Next: "Check it again. It takes nodes by itself when its check has passed.",
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE hosts SET state = 'active', state_reason = '' WHERE id = $1`, id); err != nil {
			return fmt.Errorf("activate host: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "activate host", Subject: "host", SubjectID: id})
	})
}
