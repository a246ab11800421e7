package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// StartCluster starts a stopped cluster again, on the same hosts with the same disks, names and addresses, with a new
// hold for a new lease and the keys of those who may work with it now. Refusals: "state", "invalid" for lease, "cap" (a member who may ask for it by RequestStart),
// "capacity", "balance", "suspended", "barred" (its provider ended it), "paused" (its provider paused it), NotFound.
func (db *DB) StartCluster(ctx context.Context, orgID, by, id uuid.UUID, leaseSeconds int64) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		return db.restart(ctx, tx, restart{ClusterID: id, OrganizationID: orgID, For: by, By: by, Lease: leaseSeconds})
	})
}

// restart is a start about to be decided. For and By are those of launch.
type restart struct {
	ClusterID      uuid.UUID
	OrganizationID uuid.UUID
	For, By        uuid.UUID
	Lease          int64 // seconds, where Terms say no other end
	Terms          LeaseTerms
}

func (db *DB) restart(ctx context.Context, tx pgx.Tx, r restart) error {
	c, l, err := lockForStart(ctx, tx, r.OrganizationID, r.ClusterID, r.Lease, r.Terms)
	if err != nil {
		return err
	}
	nodes, err := restartNodes(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	need, err := restartNeed(nodes, l.Lease)
	if err != nil {
		return err
	}
	if r.By == r.For {
		if err := holdToCap(ctx, tx, r.OrganizationID, r.For, need); err != nil {
			return err
		}
	}
	if err := restartFits(nodes, l); err != nil {
		return err
	}
	keys, out, err := seedKeys(ctx, tx, r.OrganizationID, r.For)
	if err != nil {
		return err
	}
	if err := c.restart(ctx, tx, l.Lease, need, out); err != nil {
		return err
	}
	if err := l.Terms.write(ctx, tx, c.ID); err != nil {
		return err
	}
	if err := writeKeys(ctx, tx, c.ID, keys); err != nil {
		return err
	}
	if err := writeStart(ctx, tx, c.ID, r.For); err != nil {
		return err
	}
	if err := db.books.Hold(ctx, tx, c.ProviderID, r.OrganizationID, c.ID, need, c.Now); err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		By: r.For, Elsewhere: r.By != r.For, Organization: r.OrganizationID, Provider: c.ProviderID, Verb: "start cluster", Subject: "cluster", SubjectID: c.ID,
		Detail: map[string]any{"lease_seconds": l.Lease, "held": need},
	})
}

// lockForStart locks pool and cluster, in this order, and refuses what is wrong with either or with the lease. What the terms do not
// say of the end is as it was.
func lockForStart(ctx context.Context, tx pgx.Tx, orgID, id uuid.UUID, leaseSeconds int64, t LeaseTerms) (c lockedCluster, l launchCase, err error) {
	var poolID uuid.UUID
	err = tx.QueryRow(ctx, `SELECT pool_id FROM clusters WHERE id = $1 AND organization_id = $2`, id, orgID).Scan(&poolID)
	if err != nil {
		return c, l, store.Found(err, "cluster")
	}
	if err := lockPool(ctx, tx, poolID); err != nil {
		return c, l, err
	}
	if err := people.RefuseSuspended(ctx, tx, orgID); err != nil {
		return c, l, err
	}
	if c, err = lockOwnCluster(ctx, tx, orgID, id); err != nil {
		return c, l, err
	}
	if err := c.refusePaused(ctx, tx); err != nil {
		return c, l, err
	}
	if c.State() != provisioner.ClusterStopped || c.Desired != provisioner.DesiredStopped || c.Kind == "test" {
		return c, l, wrongState("started", c.State(), "Only a stopped cluster is started; wait until it has stopped, or stop it first.")
	}
	if err := c.refuseBarred(ctx, tx); err != nil {
		return c, l, err
	}
	if err := l.readPool(ctx, tx, poolID); err != nil {
		if _, ok := refusal.As(err); ok { // the pool is there: the cluster is on it
			err = &refusal.Error{
				Code: "provider", Title: "The provider of this cluster takes no launches now.", Next: "Ask the provider, or launch the version on another pool.",
			}
		}
		return c, l, err
	}
	f := store.Fields{}
	l.Terms = t.or(c.LeaseTerms)
	l.Lease = l.Terms.seconds(leaseSeconds, l.Now, l.Pool.MaxLeaseHours)
	l.Terms.check(f, l.Lease, l.Pool, l.Now)
	return c, l, f.Refusal()
}

// restartNode is what starting a stopped node takes of its host beside the disk, which it kept.
type restartNode struct {
	HostID    uuid.UUID
	VCPUs     int `db:"vcpus"`
	MemoryMiB int `db:"memory_mib"`
	Rate      billing.Rate
	Firmware  provisioner.Firmware // of its image
}

func restartNodes(ctx context.Context, q store.Queryer, clusterID uuid.UUID) ([]restartNode, error) {
	rows, _ := q.Query(ctx, `
		SELECT n.host_id, n.vcpus, n.memory_mib, n.rate, i.firmware FROM nodes n JOIN images i ON i.id = n.image_id WHERE n.cluster_id = $1 AND n.desired <> 'gone'`, clusterID)
	return store.All(rows, "nodes", pgx.RowToStructByName[restartNode])
}

// restartNeed is what a lease of the nodes sets aside.
func restartNeed(nodes []restartNode, lease int64) (billing.Hours, error) {
	rates := make([]billing.Rate, len(nodes))
	for i, n := range nodes {
		rates[i] = n.Rate
	}
	need, err := billing.Need(rates, lease)
	if err != nil {
		return 0, billing.Refuse(err)
	}
	return need, nil
}

// restartFits refuses where a node's own host has no room for it any more, or not what starts it.
func restartFits(nodes []restartNode, l launchCase) error {
	need, uefi, vcpus := map[uuid.UUID]provisioner.Shape{}, map[uuid.UUID]bool{}, 0
	for _, n := range nodes {
		s := need[n.HostID]
		need[n.HostID] = provisioner.Shape{VCPUs: s.VCPUs + n.VCPUs, MemoryMiB: s.MemoryMiB + n.MemoryMiB}
		uefi[n.HostID] = uefi[n.HostID] || n.Firmware.NeedsUEFI()
		vcpus += n.VCPUs
	}
	var why []string
	noUEFI := false
	for _, h := range l.Hosts {
		s, carries := need[h.ID]
		if !carries {
			continue
		}
		if h.State == provisioner.HostCordoned {
			h.State = provisioner.HostActive // keeps its nodes, and so starts them again
		}
		h.Unwanted = "" // as one whose labels have changed
		if reason := h.Lacks(s, uefi[h.ID]); reason != "" {
			why = append(why, h.Name+": "+reason)
			noUEFI = noUEFI || uefi[h.ID] && !h.UEFI
		}
	}
	if reason := l.share().Refuses(int64(vcpus)); reason != "" {
		why = append(why, reason)
	}
	if noUEFI {
		return &refusal.Error{
			Code: "capacity", Title: fmt.Sprintf("The hosts that keep the disks of these %s cannot start them now.", refusal.Plural(len(nodes), "node", "nodes")),
			Next: "Ask the provider for UEFI firmware (OVMF) on them and for a check, or launch the version anew.", Detail: why,
		}
	}
	if len(why) > 0 {
		return &refusal.Error{
			Code: "capacity", Title: fmt.Sprintf("The hosts that keep the disks of these %s have no room for them now.", refusal.Plural(len(nodes), "node", "nodes")),
			Next: "Try again when other clusters have ended, or launch the version anew.", Detail: why,
		}
	}
	return nil
}

// restart makes everything of the last start void: nodes are one batch and reserved again, and a lease begins at READY.
func (c lockedCluster) restart(ctx context.Context, tx pgx.Tx, leaseSeconds int64, need billing.Hours, out []KeysLeftOut) error {
	batch, err := newBatch(ctx, tx, c.ID, provisioner.BatchRestart, need)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		UPDATE nodes SET batch_id = $2, desired = 'running', state = 'reserved', reason = '', reason_detail = '', start_id = '', evidence = '{}', state_at = now(),
			started_at = NULL, ready_at = NULL
		WHERE cluster_id = $1 AND desired <> 'gone'`, c.ID, batch)
	if err != nil {
		return fmt.Errorf("start nodes of cluster %s: %w", c.ID, err)
	}
	_, err = tx.Exec(ctx, `
		UPDATE clusters SET desired = 'running', reason = '', reason_detail = '', generation = generation + 1, retry_at = NULL,
			attempts = 0, start_count = start_count + 1, ready_at = NULL, lease_ends_at = NULL, lease_seconds = $2, kept_until = NULL,
			ssh_keys_left_out = $3
		WHERE id = $1`, c.ID, leaseSeconds, out)
	if err != nil {
		return fmt.Errorf("start cluster %s: %w", c.ID, err)
	}
	return nil
}
