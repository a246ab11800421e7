package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// RemoveHost takes a host out of its pool for good. Its row stays for the nodes of long ago; name, address and machine
// may be added anew, by whoever has the machine report a new code. Refusals: "host_in_use" with the number of nodes on it, NotFound("host").
func (db *DB) RemoveHost(ctx context.Context, by, providerID, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		h, err := lockHost(ctx, tx, providerID, id)
		if err != nil {
			return err
		}
		if h.Nodes > 0 {
			return &refusal.Error{
				Code: "host_in_use", Title: fmt.Sprintf("%s still carries %s.", typed.Isolate(h.Name), refusal.Plural(h.Nodes, "node", "nodes")),
				Next: "Drain it, and remove it when the clusters on it have ended or been deleted.",
			}
		}
		_, err = tx.Exec(ctx, `
			UPDATE hosts SET removed_at = now(), claimed_by = NULL, claimed_until = NULL, enrol_code = NULL, enrol_until = NULL
			WHERE id = $1`, id)
		if err != nil {
			return fmt.Errorf("remove host: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM base_images WHERE host_id = $1`, id); err != nil {
			return fmt.Errorf("forget images of host: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "remove host", Subject: "host", SubjectID: id, Detail: map[string]any{"name": h.Name}})
	})
}
