package people

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// FoundOrganization makes an organization whose owner is the person of a session, which works for it from now on.
// Refusals: "invalid" for name, "duplicate" for name, "organizations" (mostFounded in a day).
func (db *DB) FoundOrganization(ctx context.Context, s Session, name string) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := refuseFounding(ctx, tx, s.PersonID); err != nil {
			return err
		}
		id, err := foundOrganization(ctx, tx, s.PersonID, name, "name")
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE sessions SET organization_id = $2, provider_id = NULL WHERE id = $1`, s.ID, id); err != nil {
			return fmt.Errorf("work for new organization: %w", err)
		}
		return nil
	})
}
