package machines

import (
	"context"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// DrainHost empties a host: it takes nothing new, and a stopped cluster does not start on it again. What runs ends
// with its lease. Refusals as for CordonHost.
func (db *DB) DrainHost(ctx context.Context, by, providerID, id uuid.UUID, reason string) error {
	return db.changeHost(ctx, by, providerID, id, provisioner.HostDraining, "drain host", reason)
}
