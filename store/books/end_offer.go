package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// EndOffer takes an offer off the market now; what was ordered from it stays. Refusals: "conflict" where it has ended,
// NotFound("offer").
func (db *DB) EndOffer(ctx context.Context, by, providerID, offerID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		o, err := lockOffer(ctx, tx, providerID, offerID)
		if err != nil {
			return err
		}
		if o.EndedAt != nil {
			return offerEnded(o)
		}
		if _, err := tx.Exec(ctx, `UPDATE offers SET ended_at = now() WHERE id = $1`, offerID); err != nil {
			return fmt.Errorf("end offer: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Provider: providerID, Verb: "end offer", Subject: "offer", SubjectID: offerID, Detail: map[string]any{"name": o.Name},
		})
	})
}
