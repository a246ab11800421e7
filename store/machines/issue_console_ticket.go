package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// IssueConsoleTicket makes a token with which one part of a node's console can be opened once within thirty seconds, by the
// viewer alone. Refusals: NotFound("node") for one that is gone or someone else's, "paused" while its provider keeps its cluster so.
func (db *DB) IssueConsoleTicket(ctx context.Context, orgID uuid.UUID, v ConsoleViewer, nodeID uuid.UUID, part ConsolePart) (token string, err error) {
	token = store.NewToken()
	return token, db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			SELECT c.id, c.provider_id, c.desired, c.paused_at, c.paused_why, c.paused_until FROM nodes n JOIN clusters c ON c.id = n.cluster_id
			WHERE n.id = $1 AND n.organization_id = $2 AND n.state <> 'gone'`, nodeID, orgID)
		c, err := store.One(rows, "node", pgx.RowToStructByNameLax[lockedCluster])
		if err != nil {
			return err
		}
		if err := c.refusePaused(ctx, tx); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO console_tickets (token_hash, organization_id, node_id, person_id, session_id, staff, part, expires_at)
			SELECT $1, organization_id, id, $4, $5, false, $6, now() + interval '30 seconds' FROM nodes
			WHERE id = $3 AND organization_id = $2 AND state <> 'gone'`, store.HashToken(token), orgID, nodeID, v.Person, v.Session, part)
		if err != nil {
			return fmt.Errorf("issue console ticket: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return refusal.NotFound("node")
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: v.Person, Organization: orgID, Verb: "open console", Subject: "node", SubjectID: nodeID})
	})
}
