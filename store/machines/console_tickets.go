package machines

import (
	"context"

	"volary.dev/store"
)

// RedeemConsoleTicket uses a token up. One that is unknown, used or late is NotFound("console ticket").
func (db *DB) RedeemConsoleTicket(ctx context.Context, token string) (NodeHost, error) {
	rows, _ := db.pool.Query(ctx, `
		WITH redeemed AS (UPDATE console_tickets SET redeemed_at = now()
			WHERE token_hash = $1 AND redeemed_at IS NULL AND expires_at > now() RETURNING node_id)
		`+selectNodeHost+` WHERE n.id = (SELECT node_id FROM redeemed)`, store.HashToken(token))
	return store.One(rows, "console ticket", rowToNodeHost)
}
