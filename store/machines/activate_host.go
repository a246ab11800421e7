package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/people"
)

// ActivateHost lets a host take nodes again. One that does not answer now is down until it does. Refusals:
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
		if !h.Checked || h.CheckState == "failed" || h.State == provisioner.HostDown {
			return &provisioner.Refusal{
				Code: "host_unchecked", Title: h.Name + " has not passed its last check, or does not answer.",
				Next: "Check it again. It becomes active by itself when its check has passed.",
			}
		}
		state, reason := provisioner.HostActive, ""
		if h.MissedRounds > mostMissed {
			state, reason = provisioner.HostDown, silentReason
		}
		if _, err := tx.Exec(ctx, `UPDATE hosts SET state = $2, state_reason = $3 WHERE id = $1`, id, state, reason); err != nil {
			return fmt.Errorf("activate host: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "activate host", Subject: "host", SubjectID: id})
	})
}
