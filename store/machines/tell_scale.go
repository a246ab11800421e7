package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// tellNotGrown tells that nodes were to be added to a cluster and are not.
func (db *DB) tellNotGrown(ctx context.Context, tx pgx.Tx, c lockedCluster, b batchRow, reason provisioner.Reason, detail string) error {
	return db.tellNotScaled(ctx, tx, c, "batch "+b.ID.String(), map[string]string{
		"nodes": namesOfNodes(b.Nodes), "reason": becauseOf(reason, detail),
	})
}

// tellNotDrained tells that a person has to say whether nodes go which the cluster's scheduler did not let go.
func (db *DB) tellNotDrained(ctx context.Context, tx pgx.Tx, c lockedCluster, d Drain, problem string) error {
	return db.tellNotScaled(ctx, tx, c, "drain "+d.ID.String(), map[string]string{"nodes": namesOfNodes(d.Nodes), "reason": problem, "asked": "yes"})
}

func (db *DB) tellNotScaled(ctx context.Context, tx pgx.Tx, c lockedCluster, mark string, data map[string]string) error {
	list, err := readTold(ctx, tx, []uuid.UUID{c.ID})
	if err != nil || len(list) == 0 {
		return err
	}
	return db.core.Tell(ctx, tx, store.EventClusterFailed, list[0].happening(store.MailScaleFailed, mark, data))
}

// mostNamedNodes is how many nodes a mail names.
const mostNamedNodes = 8

// namesOfNodes names nodes in a sentence, of many the first ones.
func namesOfNodes(names []string) string {
	text, more := "", 0
	if len(names) > mostNamedNodes {
		names, more = names[:mostNamedNodes], len(names)-mostNamedNodes
	}
	for i, n := range names {
		switch {
		case i > 0 && i == len(names)-1 && more == 0:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += n
	}
	if more > 0 {
		text += " and " + refusal.Plural(more, "other node", "other nodes")
	}
	return text
}
