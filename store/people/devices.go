package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

const (
	deviceDays  = 400 // how long a device stays known that nobody signs in with; browsers keep cookies no longer
	mostDevices = 20  // of a person: the ones used last
)

// KnowDevice remembers the browser in which a person has just signed in, and gives the token by which it is known from then
// on. One that is known to be theirs keeps its token.
func (db *DB) KnowDevice(ctx context.Context, personID uuid.UUID, token string) (string, error) {
	err := db.core.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE devices SET seen_at = now() WHERE token_hash = $1 AND person_id = $2`, store.HashToken(token), personID)
		if err != nil {
			return fmt.Errorf("know device: %w", err)
		}
		if tag.RowsAffected() > 0 {
			return nil
		}
		token = store.NewToken()
		_, err = tx.Exec(ctx, `
			WITH old AS (DELETE FROM devices WHERE person_id = $2 AND token_hash IN (
				SELECT token_hash FROM devices WHERE person_id = $2 ORDER BY seen_at DESC OFFSET $3))
			INSERT INTO devices (token_hash, person_id, seen_at) VALUES ($1, $2, now())`, store.HashToken(token), personID, mostDevices-1)
		if err != nil {
			return fmt.Errorf("know device: %w", err)
		}
		return nil
	})
	return token, err
}
