package people

import (
	"context"

	"github.com/google/uuid"
)

// ApproveProvider takes a provider on: its hours may be sold, and the applicant is its first admin. Refusals:
// "decided" where it does not wait, NotFound("provider").
func (db *DB) ApproveProvider(ctx context.Context, by, id uuid.UUID) error {
	return db.decideProvider(ctx, by, id, providerDecision{from: "applied", to: "active", verb: "approve provider", word: "approved"})
}
