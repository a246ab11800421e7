package people

import (
	"context"

	"github.com/google/uuid"
)

// SuspendProvider takes a provider from the market: nothing more is launched on its pools or ordered of it. What runs
// goes on to the end of its lease. Refusals as of RejectProvider.
func (db *DB) SuspendProvider(ctx context.Context, by, id uuid.UUID, reason string) error {
	return db.decideProvider(ctx, by, id, providerDecision{from: "active", to: "suspended", verb: "suspend provider", word: "suspended", reason: reason, needsReason: true})
}
