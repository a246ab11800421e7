package people

import (
	"context"

	"github.com/google/uuid"
)

// LiftProvider ends a suspension. Refusals: "decided", NotFound("provider").
func (db *DB) LiftProvider(ctx context.Context, by, id uuid.UUID) error {
	return db.decideProvider(ctx, by, id, providerDecision{from: "suspended", to: "active", verb: "lift suspension", word: "active again"})
}
