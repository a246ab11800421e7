package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// CheckHost queues another check of a host, unless one waits or runs.
func (db *DB) CheckHost(ctx context.Context, by, providerID, hostID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var id uuid.UUID
		err := tx.QueryRow(ctx, `SELECT id FROM hosts WHERE id = $1 AND provider_id = $2 AND removed_at IS NULL FOR UPDATE`, hostID, providerID).Scan(&id)
		if err != nil {
			return store.Found(err, "host")
		}
		if err := db.queueHostCheck(ctx, tx, hostID); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "check host", Subject: "host", SubjectID: hostID})
	})
}
