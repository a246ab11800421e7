package machines

import (
	"context"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// CordonHost lets a host keep its nodes and take no new ones; reason is what staff read beside it. Refusals: "invalid"
// for reason, NotFound("host").
func (db *DB) CordonHost(ctx context.Context, by, providerID, id uuid.UUID, reason string) error {
	return db.changeHost(ctx, by, providerID, id, provisioner.HostCordoned, "cordon host", reason)
}
