package books

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// RejectOrder refuses a waiting order with a reason of 1 to 500 characters, which the organization reads. Refusals:
// "invalid" for reason, "conflict" where it is decided, NotFound("order").
func (db *DB) RejectOrder(ctx context.Context, by, providerID, orderID uuid.UUID, reason string) error {
	reason = strings.TrimSpace(reason)
	f := store.Fields{}
	n := len([]rune(reason))
	f.Check(n >= 1 && n <= 500, "reason", "Say why in 1 to 500 characters; these are %d.", n)
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		o, err := lockOrder(ctx, tx, `r.id = $1 AND r.provider_id = $2`, orderID, providerID)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE orders SET state = 'rejected', decided_by = $2, decided_at = now(), reason = $3 WHERE id = $1`,
			orderID, store.OrNull(by), reason); err != nil {
			return fmt.Errorf("reject order: %w", err)
		}
		if err := db.tellDecided(ctx, tx, o, OrderRejected, reason); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, o.audit(by, "reject order", map[string]any{"reason": reason}))
	})
}
