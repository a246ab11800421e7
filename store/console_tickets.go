package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// IssueConsoleTicket makes a token with which a console can be opened once within thirty seconds. Refusals:
// NotFound("node") for one that is gone or someone else's.
func (db *DB) IssueConsoleTicket(ctx context.Context, orgID, personID, nodeID uuid.UUID) (token string, err error) {
	token = newToken()
	return token, db.tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM console_tickets WHERE expires_at < now() - interval '1 hour'`); err != nil {
			return fmt.Errorf("forget console tickets: %w", err)
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO console_tickets (token_hash, organization_id, node_id, person_id, expires_at)
			SELECT $1, organization_id, id, $4, now() + interval '30 seconds' FROM nodes
			WHERE id = $3 AND organization_id = $2 AND state <> 'gone'`, hashToken(token), orgID, nodeID, personID)
		if err != nil {
			return fmt.Errorf("issue console ticket: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return provisioner.NotFound("node")
		}
		return writeAudit(ctx, tx, auditRow{By: personID, Organization: orgID, Verb: "open console", Subject: "node", SubjectID: nodeID})
	})
}

// RedeemConsoleTicket uses a token up. One that is unknown, used or late is NotFound("console ticket").
func (db *DB) RedeemConsoleTicket(ctx context.Context, token string) (NodeHost, error) {
	rows, _ := db.pool.Query(ctx, `
		WITH redeemed AS (UPDATE console_tickets SET redeemed_at = now()
			WHERE token_hash = $1 AND redeemed_at IS NULL AND expires_at > now() RETURNING node_id)
		`+selectNodeHost+` WHERE n.id = (SELECT node_id FROM redeemed)`, hashToken(token))
	return one(rows, "console ticket", rowToNodeHost)
}
