package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
	"volary.dev/store"
)

// Replacement is what a host could not start, and why.
type Replacement struct {
	HostID uuid.UUID
	Nodes  []uuid.UUID
	Reason provisioner.Reason // HostLost: the host does not answer, so that only what is reserved may be placed elsewhere
	Why    string             // what the cluster's page says
}

// ReplaceNodes gives nodes of a batch that never started another host of the pool, all or none; addresses, MACs and the
// hold stay. It is done once for each node. false: the generation is not the present one, a node is in another state by
// now, or no other host has room.
func (db *DB) ReplaceNodes(ctx context.Context, clusterID uuid.UUID, generation int64, r Replacement) (moved bool, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		moved = false
		// Pool, then cluster, as a launch: what is free is still free when it is taken.
		var poolID uuid.UUID
		if err := tx.QueryRow(ctx, `SELECT pool_id FROM clusters WHERE id = $1`, clusterID).Scan(&poolID); err != nil {
			return store.Found(err, "cluster")
		}
		if err := lockPool(ctx, tx, poolID); err != nil {
			return err
		}
		c, err := lockCluster(ctx, tx, clusterID)
		if err != nil || c.Generation != generation || c.Desired != provisioner.DesiredRunning {
			return err
		}
		nodes, err := r.read(ctx, tx, clusterID)
		if err != nil || len(nodes) != len(r.Nodes) {
			return err
		}
		var l launchCase
		if err := l.readPool(ctx, tx, poolID); err != nil {
			return err
		}
		l.Test = c.Kind == "test"
		to, err := r.place(ctx, tx, l, c, nodes)
		if err != nil || to == nil {
			return err
		}
		moved = true
		return r.write(ctx, tx, c, l, nodes, to)
	})
	return moved, err
}

type stuckNode struct {
	ID        uuid.UUID
	Name      string
	GroupName string
	VCPUs     int `db:"vcpus"`
	MemoryMiB int `db:"memory_mib"`
	DiskGiB   int `db:"disk_gib"`
	Published bool
	Digest    string               // of the image
	Bytes     int64                // of the image
	Firmware  provisioner.Firmware // of the image
}

// read gives those of the nodes that may be placed elsewhere.
func (r Replacement) read(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID) ([]stuckNode, error) {
	states := []provisioner.NodeState{provisioner.NodeReserved}
	if r.Reason != provisioner.ReasonHostLost {
		states = append(states, provisioner.NodeStarting)
	}
	rows, _ := tx.Query(ctx, `
		SELECT id, name, group_name, vcpus, memory_mib, disk_gib, ssh_port IS NOT NULL AS published, image_digest AS digest,
			(SELECT canonical_size FROM images WHERE images.id = nodes.image_id) AS bytes,
			(SELECT firmware FROM images WHERE images.id = nodes.image_id) AS firmware
		FROM nodes
		WHERE cluster_id = $1 AND host_id = $2 AND id = ANY ($3) AND state = ANY ($4) AND left_host_id IS NULL AND desired = 'running'
			AND batch_id IN (SELECT id FROM batches WHERE cluster_id = $1 AND kind <> 'restart')
		ORDER BY role = 'head' DESC, name FOR NO KEY UPDATE`, clusterID, r.HostID, r.Nodes, states)
	return store.All(rows, "nodes to place elsewhere", pgx.RowToStructByName[stuckNode])
}

// place chooses a host for each; nil where there is no room.
func (r Replacement) place(ctx context.Context, tx pgx.Tx, l launchCase, c lockedCluster, nodes []stuckNode) ([]uuid.UUID, error) {
	beside, err := readBeside(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	var sizes []placement.Node
	vcpus := 0
	for _, n := range nodes {
		sizes = append(sizes, placement.Node{
			Size: provisioner.Shape{VCPUs: n.VCPUs, MemoryMiB: n.MemoryMiB, DiskGiB: n.DiskGiB}, Image: placement.Image{Digest: n.Digest, Bytes: n.Bytes, UEFI: n.Firmware.NeedsUEFI()},
			Apart: beside.apart(n.GroupName),
		})
		vcpus += n.VCPUs
	}
	var others []placement.Host
	for _, h := range l.Hosts {
		switch {
		case h.ID != r.HostID:
			h.Apart = beside.groups[h.ID]
			others = append(others, h)
		case h.Takes():
			vcpus = 0 // they are in the share already
		}
	}
	if l.share().Refuses(int64(vcpus)) != "" {
		return nil, nil
	}
	return placement.Elsewhere(others, beside.carried, sizes), nil
}

func (r Replacement) write(ctx context.Context, tx pgx.Tx, c lockedCluster, l launchCase, nodes []stuckNode, to []uuid.UUID) error {
	var names []string
	for i, n := range nodes {
		var port *int
		if n.Published {
			var err error
			if port, err = (newCluster{Kind: c.Kind}).sshPort(ctx, tx, l, to[i]); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `
			UPDATE nodes SET host_id = $2, ssh_port = $3, left_host_id = host_id, left_why = $4, left_at = now(),
				left_cleared_at = CASE WHEN state = 'reserved' THEN now() END, -- reserved is before anything was made
				state = 'reserved', reason = '', reason_detail = '', state_at = now(), started_at = NULL
			WHERE id = $1`, n.ID, to[i], port, r.Why)
		if err != nil {
			return fmt.Errorf("place node %s elsewhere: %w", n.ID, err)
		}
		names = append(names, n.Name)
	}
	_, err := tx.Exec(ctx, `
		UPDATE clusters SET generation = generation + 1, network_generation = network_generation + 1 WHERE id = $1`, c.ID)
	if err != nil {
		return fmt.Errorf("place nodes of cluster %s elsewhere: %w", c.ID, err)
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "place nodes elsewhere", Subject: "cluster", SubjectID: c.ID,
		Detail: map[string]any{"nodes": names, "because": r.Why},
	})
}

// LeftNode is a node that was placed elsewhere, and of which something may lie on the host that could not start it.
type LeftNode struct {
	ID   uuid.UUID
	Wipe bool // its disk is to be overwritten
}

// LeftNodes lists what may lie on a host of nodes that were placed elsewhere.
func (db *DB) LeftNodes(ctx context.Context, hostID uuid.UUID) ([]LeftNode, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT n.id, p.wipe_disks AS wipe FROM nodes n JOIN clusters c ON c.id = n.cluster_id JOIN pools p ON p.id = c.pool_id
		WHERE n.left_host_id = $1 AND n.left_cleared_at IS NULL ORDER BY n.id`, hostID)
	return store.All(rows, "nodes that left a host", pgx.RowToStructByName[LeftNode])
}

// LeftNodeCleared notes that nothing of a node is left on the host that could not start it.
func (db *DB) LeftNodeCleared(ctx context.Context, nodeID uuid.UUID) error {
	if _, err := db.pool.Exec(ctx, `UPDATE nodes SET left_cleared_at = now() WHERE id = $1 AND left_cleared_at IS NULL`, nodeID); err != nil {
		return fmt.Errorf("note that node %s is cleared: %w", nodeID, err)
	}
	return nil
}
