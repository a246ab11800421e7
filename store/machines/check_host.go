package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// CheckHost queues another check of a host, unless one waits or runs. Refusals: "host_unenrolled" where nothing may be made
// on it and no code is waited for, NotFound("host").
func (db *DB) CheckHost(ctx context.Context, by, providerID, hostID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
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

func unenrolled(name string) error {
	return &refusal.Error{
		Code: "host_unenrolled", Title: name + " is not enrolled, and no code is waited for: nothing may be made on it.",
		Next: "Ask for a new code on the host's page, and paste its line on the machine.",
	}
}
