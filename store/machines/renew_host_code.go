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

// RenewHostCode gives a host that is not enrolled, or at whose address another machine answers, a new code to wait for.
// Refusals: "host_enrolled" where it is what it was enrolled as, "suspended", NotFound("host").
func (db *DB) RenewHostCode(ctx context.Context, by, providerID, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspendedProvider(ctx, tx, providerID); err != nil {
			return err
		}
		h, err := lockHost(ctx, tx, providerID, id)
		if err != nil {
			return err
		}
		if h.Enrolled && !h.Mistaken {
			return &refusal.Error{
				Code: "host_enrolled", Title: h.Name + " is enrolled, and the machine that answers is the one that was.",
				Next: "A new code is for a host that waits, or at whose address another machine answers. To give the machine away, remove the host.",
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE hosts SET enrol_code = $2, enrol_until = now() + $3::interval, enrol_seen = '' WHERE id = $1`, id, newCode(), codeLife); err != nil {
			return fmt.Errorf("renew code of host: %w", err)
		}
		if h.Enrolled {
			if err := db.warnOfHost(ctx, tx, by, id, "yes"); err != nil {
				return err
			}
		}
		if err := db.queueHostCheck(ctx, tx, id); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "renew host code", Subject: "host", SubjectID: id})
	})
}
