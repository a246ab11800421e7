package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// SetNode moves a node from one of the given states to another and tells whether it did; a node that is in another
// state meanwhile stays as it is. A node that begins to start sets its batch's gate deadline to that moment plus the
// gate's time.
func (db *DB) SetNode(ctx context.Context, nodeID uuid.UUID, from []provisioner.NodeState, to provisioner.NodeState, reason provisioner.Reason, detail string) (moved bool, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		moved, err = setNode(ctx, tx, nodeID, from, to, reason, detail)
		return err
	})
	return moved, err
}
