package store

import (
	"context"
	"fmt"
)

// forgetMost is how many rows of a table one statement takes, so that nobody waits long for one of them.
const forgetMost = 1000

// ForgetSecrets removes what opens nothing any more: ended sessions, tickets, used and expired links with their mails' sealed
// ones, passwords of finished sign-ups (see doc.go for all). Any number of workers may do it at once.
func (db *DB) ForgetSecrets(ctx context.Context) error {
	for n := forgetMost; n >= forgetMost; {
		if err := db.pool.QueryRow(ctx, `SELECT forget_secrets($1)`, forgetMost).Scan(&n); err != nil {
			return fmt.Errorf("forget spent secrets: %w", err)
		}
	}
	return nil
}
