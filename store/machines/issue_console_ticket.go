package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// IssueConsoleTicket makes a token with which a console can be opened once within thirty seconds. Refusals:
// NotFound("node") for one that is gone or someone else's.
func (db *DB) IssueConsoleTicket(ctx context.Context, orgID, personID, nodeID uuid.UUID) (token string, err error) {
	token = store.NewToken()
	return token, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM console_tickets WHERE expires_at < now() - interval '1 hour'`); err != nil {
			return fmt.Errorf("forget console tickets: %w", err)
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO console_tickets (token_hash, organization_id, node_id, person_id, expires_at)
			SELECT $1, organization_id, id, $4, now() + interval '30 seconds' FROM nodes
			WHERE id = $3 AND organization_id = $2 AND state <> 'gone'`, store.HashToken(token), orgID, nodeID, personID)
		if err != nil {
			return fmt.Errorf("issue console ticket: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return provisioner.NotFound("node")
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: personID, Organization: orgID, Verb: "open console", Subject: "node", SubjectID: nodeID})
	})
}
