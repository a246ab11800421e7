package machines

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// DeclineRequest says no with a reason of 1 to 500 characters. Refusals: "invalid" for reason, "decided", NotFound.
func (db *DB) DeclineRequest(ctx context.Context, orgID, by, id uuid.UUID, reason string) error {
	reason = strings.TrimSpace(reason)
	f := store.Fields{}
	f.Length("reason", reason, 1, 500)
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		r, err := lockRequest(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		return db.decide(ctx, tx, r, decision{State: "declined", By: by, Reason: reason})
	})
}
