package people

import (
	"context"

	"github.com/google/uuid"
)

// RejectProvider turns an application down with a reason, after which the person may correct it. Refusals: "invalid" for
// reason, "decided", NotFound("provider").
func (db *DB) RejectProvider(ctx context.Context, by, id uuid.UUID, reason string) error {
	return db.decideProvider(ctx, by, id, providerDecision{from: "applied", to: "rejected", verb: "reject provider", word: "rejected", reason: reason, needsReason: true})
}
