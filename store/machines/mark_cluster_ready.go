package machines

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// MarkClusterReady makes every node ready and begins its runs at one moment, in one transaction, and opens the
// published port (network generation + 1, generation + 1). evidence is by node and must name every one that is not
// ready yet. It returns false where generation is not the present one or running is no longer wanted.
func (db *DB) MarkClusterReady(ctx context.Context, id uuid.UUID, generation int64, evidence map[uuid.UUID]Evidence) (marked bool, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		marked = false
		c, err := lockCluster(ctx, tx, id)
		if err != nil || c.Generation != generation || c.Desired != provisioner.DesiredRunning {
			return err
		}
		if err := markNodesReady(ctx, tx, id, evidence); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE clusters SET ready_at = now(), lease_ends_at = now() + make_interval(secs => lease_seconds),
				network_generation = network_generation + 1, generation = generation + 1
			WHERE id = $1`, id)
		if err != nil {
			return fmt.Errorf("mark cluster %s ready: %w", id, err)
		}
		if err := db.books.BeginRuns(ctx, tx, id); err != nil {
			return err
		}
		marked = true
		if err := db.tellReady(ctx, tx, c); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "cluster ready", Subject: "cluster", SubjectID: id})
	})
	return marked, err
}

// markNodesReady refuses, as a defect of the caller, to call a cluster ready while a node's gate is not met.
func markNodesReady(ctx context.Context, tx pgx.Tx, id uuid.UUID, evidence map[uuid.UUID]Evidence) error {
	batch := &pgx.Batch{}
	for node, e := range evidence {
		b, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("evidence of node %s: %w", node, err)
		}
		batch.Queue(`
			UPDATE nodes SET state = 'ready', reason = '', reason_detail = '', state_at = now(), ready_at = now(), seen_at = now(),
				start_id = $3, evidence = $4
			WHERE cluster_id = $1 AND id = $2 AND state IN ('reserved', 'starting')`, id, node, e.StartID, b)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("mark nodes of cluster %s ready: %w", id, err)
	}
	var missing int
	err := tx.QueryRow(ctx, `SELECT count(*) FROM nodes WHERE cluster_id = $1 AND (state <> 'ready' OR start_id = '')`, id).Scan(&missing)
	if err != nil {
		return fmt.Errorf("mark nodes of cluster %s ready: %w", id, err)
	}
	if missing > 0 {
		return fmt.Errorf("mark cluster %s ready: %s without evidence", id, store.Plural(missing, "node"))
	}
	return nil
}
