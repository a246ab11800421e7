package machines

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// MarkNodesReady makes nodes ready and begins their runs at one moment, in one transaction. evidence is by node and must name
// every node of the batches that it touches: a batch becomes ready as a whole. The cluster's lease begins with its first batch (one until a date ends then, whenever it begins),
// and the head's published port opens with the head (network generation + 1, generation + 1). It returns false where generation
// is not the present one or running is no longer wanted.
func (db *DB) MarkNodesReady(ctx context.Context, id uuid.UUID, generation int64, evidence map[uuid.UUID]Evidence) (marked bool, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		marked = false
		c, err := lockCluster(ctx, tx, id)
		if err != nil || c.Generation != generation || c.Desired != provisioner.DesiredRunning {
			return err
		}
		nodes, err := markNodesReady(ctx, tx, id, evidence)
		if err != nil {
			return err
		}
		var first bool
		err = tx.QueryRow(ctx, `
			UPDATE clusters SET ready_at = coalesce(ready_at, now()), lease_ends_at = coalesce(lease_ends_at, lease_until, now() + make_interval(secs => lease_seconds)),
				network_generation = network_generation + 1, generation = generation + 1
			WHERE id = $1 RETURNING ready_at = now()`, id).Scan(&first)
		if err != nil {
			return fmt.Errorf("mark cluster %s ready: %w", id, err)
		}
		if err := db.books.BeginRuns(ctx, tx, id, nodes); err != nil {
			return err
		}
		if err := db.releaseWait(ctx, tx, c); err != nil {
			return err
		}
		marked = true
		row := store.AuditRow{
			Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "nodes ready", Subject: "cluster", SubjectID: id, Detail: map[string]any{"nodes": len(nodes)},
		}
		if first {
			row.Verb, row.Detail = "cluster ready", nil
			if err := db.tellReady(ctx, tx, c); err != nil {
				return err
			}
		}
		return store.WriteAudit(ctx, tx, row)
	})
	return marked, err
}

// releaseWait gives back what was set aside for a scale from its begin to its gate, which nobody is charged for.
func (db *DB) releaseWait(ctx context.Context, tx pgx.Tx, c lockedCluster) error {
	var waited billing.Hours
	err := tx.QueryRow(ctx, `
		WITH done AS (
			SELECT b.id, sum(n.rate)::bigint * extract(epoch FROM date_trunc('second', c.lease_ends_at) - date_trunc('second', b.ready_at))::bigint AS need
			FROM batches b JOIN clusters c ON c.id = b.cluster_id JOIN nodes n ON n.batch_id = b.id
			WHERE b.cluster_id = $1 AND b.kind = 'scale' AND b.ready_at = now() AND n.desired = 'running' GROUP BY b.id, c.lease_ends_at),
		kept AS (
			UPDATE batches b SET held = greatest(done.need, 0) FROM done, batches was
			WHERE b.id = done.id AND was.id = b.id AND done.need < b.held RETURNING was.held - b.held AS waited)
		SELECT coalesce(sum(waited), 0)::bigint FROM kept`, c.ID).Scan(&waited)
	if err != nil {
		return fmt.Errorf("read what is set aside for a scale of cluster %s: %w", c.ID, err)
	}
	if waited == 0 {
		return nil
	}
	return db.books.ReleasePart(ctx, tx, c.ID, waited, c.Now)
}

// markNodesReady refuses, as a defect of the caller, to call a batch ready while the gate of one of its nodes is not met. It
// gives the nodes that became ready.
func markNodesReady(ctx context.Context, tx pgx.Tx, id uuid.UUID, evidence map[uuid.UUID]Evidence) (nodes []uuid.UUID, err error) {
	batch := &pgx.Batch{}
	for node, e := range evidence {
		b, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("evidence of node %s: %w", node, err)
		}
		batch.Queue(`
			UPDATE nodes SET state = 'ready', reason = '', reason_detail = '', state_at = now(), ready_at = now(), seen_at = now(),
				start_id = $3, evidence = $4
			WHERE cluster_id = $1 AND id = $2 AND state IN ('reserved', 'starting') AND desired = 'running' AND $3 <> ''`, id, node, e.StartID, b).
			Exec(func(tag pgconn.CommandTag) error {
				if tag.RowsAffected() > 0 {
					nodes = append(nodes, node)
				}
				return nil
			})
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("mark nodes of cluster %s ready: %w", id, err)
	}
	var missing int
	err = tx.QueryRow(ctx, `
		WITH b AS (UPDATE batches SET ready_at = now()
			WHERE id IN (SELECT batch_id FROM nodes WHERE id = ANY ($1)) AND ready_at IS NULL AND ended_at IS NULL RETURNING id)
		SELECT count(*) FROM nodes n JOIN b ON b.id = n.batch_id WHERE n.desired = 'running' AND n.state <> 'ready'`, nodes).Scan(&missing)
	if err != nil {
		return nil, fmt.Errorf("mark batches of cluster %s ready: %w", id, err)
	}
	if missing > 0 || len(nodes) == 0 {
		return nil, fmt.Errorf("mark nodes of cluster %s ready: %s with evidence, and %d of the same batch without", id, refusal.Plural(len(nodes), "node", "nodes"), missing)
	}
	return nodes, nil
}
