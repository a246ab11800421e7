package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// CheckHost queues another check of a host, unless one waits or runs. A check boots guests: a suspended provider's hosts are
// not checked, and one that is queued or tried again is passed over (PassOverCheck). Refusals: "suspended", "host_unenrolled"
// where nothing may be made on it and no code is waited for, NotFound("host").
func (db *DB) CheckHost(ctx context.Context, by, providerID, hostID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspendedProvider(ctx, tx, providerID); err != nil {
			return err
		}
		h, err := lockHost(ctx, tx, providerID, hostID)
		if err != nil {
			return err
		}
		if !h.Enrolled && !h.Waiting {
			return unenrolled(h.Name)
		}
		if err := db.queueHostCheck(ctx, tx, hostID); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "check host", Subject: "host", SubjectID: hostID})
	})
}

// PassOverCheck ends the check of a host whose provider is suspended, and tells whether that is so. The host stays as its last
// check found it, and its report says why this one was not made.
func (db *DB) PassOverCheck(ctx context.Context, hostID uuid.UUID) (bool, error) {
	tag, err := db.pool.Exec(ctx, `
		UPDATE hosts h SET check_state = CASE WHEN h.checked THEN 'passed' ELSE 'failed' END,
			check_report = jsonb_build_array(jsonb_build_object('name', 'provider', 'state', $2::text, 'detail',
				p.name || ' is suspended: ' || p.state_reason || '. Check the host again when the suspension is lifted.'))
		FROM providers p WHERE h.id = $1 AND p.id = h.provider_id AND p.state = 'suspended' AND h.removed_at IS NULL`, hostID, provisioner.CheckSkipped)
	if err != nil {
		return false, fmt.Errorf("pass over the check of host %s: %w", hostID, err)
	}
	return tag.RowsAffected() > 0, nil
}

func unenrolled(name string) error {
	return &refusal.Error{
		Code: "host_unenrolled", Title: name + " is not enrolled, and no code is waited for: nothing may be made on it.",
		Next: "Ask for a new code on the host's page, and paste its line on the machine.",
	}
}
