package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
)

// StartCluster starts a stopped cluster again, on the same hosts with the same disks, names and addresses, with a new
// hold for a new lease. Refusals: "state", "invalid" for lease, "capacity", "balance", NotFound.
func (db *DB) StartCluster(ctx context.Context, orgID, by, id uuid.UUID, leaseSeconds int64) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		c, launch, err := lockForStart(ctx, tx, orgID, id, leaseSeconds)
		if err != nil {
			return err
		}
		rates, err := restartFits(ctx, tx, c, launch)
		if err != nil {
			return err
		}
		need, err := billing.Need(rates, leaseSeconds)
		if err != nil {
			return refuseHold(err)
		}
		if err := c.restart(ctx, tx, leaseSeconds); err != nil {
			return err
		}
		if err := holdForCluster(ctx, tx, c.ProviderID, orgID, id, need, c.Now); err != nil {
			return err
		}
		return writeAudit(ctx, tx, auditRow{
			By: by, Organization: orgID, Provider: c.ProviderID, Verb: "start cluster", Subject: "cluster", SubjectID: id,
			Detail: map[string]any{"lease_seconds": leaseSeconds, "held": need},
		})
	})
}

// lockForStart locks pool and cluster, in this order, and refuses what is wrong with either or with the lease.
func lockForStart(ctx context.Context, tx pgx.Tx, orgID, id uuid.UUID, leaseSeconds int64) (c lockedCluster, l launchCase, err error) {
	var poolID uuid.UUID
	err = tx.QueryRow(ctx, `SELECT pool_id FROM clusters WHERE id = $1 AND organization_id = $2`, id, orgID).Scan(&poolID)
	if err != nil {
		return c, l, found(err, "cluster")
	}
	if err := lockPool(ctx, tx, poolID); err != nil {
		return c, l, err
	}
	if c, err = lockOwnCluster(ctx, tx, orgID, id); err != nil {
		return c, l, err
	}
	if c.State() != provisioner.ClusterStopped || c.Desired != provisioner.DesiredStopped || c.Kind == "test" {
		return c, l, wrongState("started", c.State(), "Only a stopped cluster is started; wait until it has stopped, or stop it first.")
	}
	if err := l.readPool(ctx, tx, poolID); err != nil {
		return c, l, err
	}
	f := fields{}
	checkLease(f, leaseSeconds, l.Pool.MaxLeaseHours)
	return c, l, f.refusal()
}

// restartNode is what starting a stopped node takes of its host beside the disk, which it kept.
type restartNode struct {
	HostID    uuid.UUID
	VCPUs     int `db:"vcpus"`
	MemoryMiB int `db:"memory_mib"`
	Rate      billing.Rate
}

// restartFits refuses where a node's own host has no room for it any more, and gives the nodes' rates.
func restartFits(ctx context.Context, tx pgx.Tx, c lockedCluster, l launchCase) ([]billing.Rate, error) {
	rows, _ := tx.Query(ctx, `SELECT host_id, vcpus, memory_mib, rate FROM nodes WHERE cluster_id = $1`, c.ID)
	nodes, err := all(rows, "nodes", pgx.RowToStructByName[restartNode])
	if err != nil {
		return nil, err
	}
	need, rates, vcpus := map[uuid.UUID]provisioner.Shape{}, []billing.Rate{}, 0
	for _, n := range nodes {
		s := need[n.HostID]
		need[n.HostID] = provisioner.Shape{VCPUs: s.VCPUs + n.VCPUs, MemoryMiB: s.MemoryMiB + n.MemoryMiB}
		rates = append(rates, n.Rate)
		vcpus += n.VCPUs
	}
	var why []string
	for _, h := range l.Hosts {
		s, carries := need[h.ID]
		if !carries {
			continue
		}
		if h.State == provisioner.HostCordoned {
			h.State = provisioner.HostActive // keeps its nodes, and so starts them again
		}
		if reason := h.Lacks(s); reason != "" {
			why = append(why, h.Name+": "+reason)
		}
	}
	if reason := l.share().Refuses(int64(vcpus)); reason != "" {
		why = append(why, reason)
	}
	if len(why) > 0 {
		return nil, &provisioner.Refusal{
			Code: "capacity", Title: fmt.Sprintf("The hosts that keep the disks of these %s have no room for them now.", plural(len(nodes), "node")),
			Next: "Try again when other clusters have ended, or launch the version anew.", Detail: why,
		}
	}
	return rates, nil
}

// restart makes everything of the last start void: nodes are reserved again, and a lease begins at READY.
func (c lockedCluster) restart(ctx context.Context, tx pgx.Tx, leaseSeconds int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE nodes SET state = 'reserved', reason = '', reason_detail = '', start_id = '', evidence = '{}', state_at = now(),
			started_at = NULL, ready_at = NULL
		WHERE cluster_id = $1`, c.ID)
	if err != nil {
		return fmt.Errorf("start nodes of cluster %s: %w", c.ID, err)
	}
	_, err = tx.Exec(ctx, `
		UPDATE clusters SET desired = 'running', reason = '', reason_detail = '', generation = generation + 1, retry_at = NULL,
			attempts = 0, start_count = start_count + 1, ready_at = NULL, lease_ends_at = NULL, gate_deadline = NULL, lease_seconds = $2
		WHERE id = $1`, c.ID, leaseSeconds)
	if err != nil {
		return fmt.Errorf("start cluster %s: %w", c.ID, err)
	}
	return nil
}
