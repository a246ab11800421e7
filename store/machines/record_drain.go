package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// RecordDrain writes down how the drain command ended that a worker gave for a drain it has claimed. Where it ended well (problem is
// empty) the nodes go; else who works with the cluster is asked, by its page and by mail, and until then the nodes stay. Of a drain
// that was closed meanwhile, or claimed by another worker, nothing is written.
func (db *DB) RecordDrain(ctx context.Context, worker string, id uuid.UUID, problem string) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var clusterID uuid.UUID
		if err := tx.QueryRow(ctx, `SELECT cluster_id FROM drains WHERE id = $1`, id).Scan(&clusterID); err != nil {
			return store.Found(err, "drain")
		}
		c, err := lockCluster(ctx, tx, clusterID)
		if err != nil {
			return err
		}
		var mine bool
		err = tx.QueryRow(ctx, `
			SELECT closed_at IS NULL AND asked_at IS NULL AND claimed_by IS NOT DISTINCT FROM $2 FROM drains WHERE id = $1`, id, worker).Scan(&mine)
		if err != nil || !mine {
			return err
		}
		d, err := openDrain(ctx, tx, clusterID)
		if err != nil {
			return err
		}
		if problem == "" && c.Desired != provisioner.DesiredRunning {
			problem = "The cluster was paused meanwhile."
		}
		row := store.AuditRow{
			Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "drain nodes", Subject: "cluster", SubjectID: c.ID,
			Detail: map[string]any{"nodes": d.Nodes},
		}
		if problem == "" {
			err = c.closeDrain(ctx, tx, id, drainGone)
		} else {
			row.Verb, row.Detail = "ask about drain", map[string]any{"nodes": d.Nodes, "because": problem}
			err = db.askAboutDrain(ctx, tx, c, *d, problem)
		}
		if err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, row)
	})
}

// askAboutDrain has a person decide what the cluster's scheduler did not.
func (db *DB) askAboutDrain(ctx context.Context, tx pgx.Tx, c lockedCluster, d Drain, problem string) error {
	_, err := tx.Exec(ctx, `UPDATE drains SET asked_at = now(), problem = $2, claimed_by = NULL, claimed_until = NULL WHERE id = $1`, d.ID, problem)
	if err != nil {
		return fmt.Errorf("ask about drain %s: %w", d.ID, err)
	}
	return db.tellNotDrained(ctx, tx, c, d, problem)
}
