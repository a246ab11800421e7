package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// WithdrawOrder takes back a waiting order of an organization. Refusals: "conflict" where it is decided, NotFound("order").
func (db *DB) WithdrawOrder(ctx context.Context, by, orgID, orderID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		o, err := lockOrder(ctx, tx, `r.id = $1 AND r.organization_id = $2`, orderID, orgID)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE orders SET state = 'withdrawn', decided_by = $2, decided_at = now() WHERE id = $1`, orderID, store.OrNull(by)); err != nil {
			return fmt.Errorf("withdraw order: %w", err)
		}
		return store.WriteAudit(ctx, tx, o.audit(by, "withdraw order", nil))
	})
}
