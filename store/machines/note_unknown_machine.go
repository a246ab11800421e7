package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// NoteUnknownMachine writes to the provider's log that a host carries a machine of ours that no row knows: of another
// deployment, or newer than a restored backup. Nobody but a person may end it. The worker, who may not read the log, says
// it once in its life.
func (db *DB) NoteUnknownMachine(ctx context.Context, h HostClaim, nodeID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		return store.WriteAudit(ctx, tx, store.AuditRow{
			Provider: h.ProviderID, Verb: "see unknown machine", Subject: "host", SubjectID: h.ID,
			Detail: map[string]any{"host": h.Name, "machine": nodeID.String(), "because": "it is of no cluster here, and nothing is done to it"},
		})
	})
}
