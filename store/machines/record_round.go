package machines

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// RecordRound writes down one host's answer, stamped with the round's start (StartRound): proof of life for each node
// that runs with the start identity it became ready with, and the end of those that do not. A round of a worker that
// lost its claim, or one that began before the last one written down, is left out, and false returned.
func (db *DB) RecordRound(ctx context.Context, hostID uuid.UUID, worker string, roundStart time.Time, o provisioner.Observation) (recorded bool, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		r, err := db.readRound(ctx, tx, hostID, roundStart, o)
		if err != nil {
			return err
		}
		if err := r.know(ctx, tx, o.Machine); err != nil {
			return err
		}
		if recorded, err = r.claimed(ctx, tx, worker); err != nil || !recorded {
			return err
		}
		if err := r.change(ctx, tx); err != nil {
			return err
		}
		return r.prove(ctx, tx)
	})
	return recorded, err
}

// round is one answer of a host beside what is written down of its nodes.
type round struct {
	db     *DB // in whose books it is proven
	HostID uuid.UUID
	Start  time.Time
	Lacks  string
	Silent bool // the host missed rounds before this answer
	Keyed  bool // its machine's key is known
	Nodes  []roundNode
	seen   map[uuid.UUID]provisioner.NodeObservation
	locked map[uuid.UUID]bool // clusters
}

type roundNode struct {
	ID        uuid.UUID
	ClusterID uuid.UUID
	State     provisioner.NodeState
	Reason    provisioner.Reason
	StartID   string
	Ready     bool // it was, in its present start
	Desired   provisioner.Desired
	Pending   bool // what is wanted of its cluster is not reached yet
}

// readRound reads before anything is locked which clusters will have to be: in most rounds none.
func (db *DB) readRound(ctx context.Context, tx pgx.Tx, hostID uuid.UUID, start time.Time, o provisioner.Observation) (round, error) {
	r := round{db: db, HostID: hostID, Start: start, Lacks: o.Lacks, seen: map[uuid.UUID]provisioner.NodeObservation{}, locked: map[uuid.UUID]bool{}}
	for _, n := range o.Nodes {
		r.seen[n.ID] = n
	}
	var missed int
	err := tx.QueryRow(ctx, `SELECT missed_rounds, machine_key IS NOT NULL FROM hosts WHERE id = $1`, hostID).Scan(&missed, &r.Keyed)
	if err != nil {
		return r, store.Found(err, "host")
	}
	r.Silent = missed > 0
	if err := r.readNodes(ctx, tx); err != nil {
		return r, err
	}
	clusters := r.changing()
	if len(clusters) == 0 {
		return r, nil
	}
	// Clusters before hosts and nodes, in the order of ids, then what was read is read again under the locks.
	if _, err := tx.Exec(ctx, `SELECT FROM clusters WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE`, clusters); err != nil {
		return r, fmt.Errorf("lock clusters of host %s: %w", hostID, err)
	}
	for _, id := range clusters {
		r.locked[id] = true
	}
	return r, r.readNodes(ctx, tx)
}

// readNodes leaves out what came to its state after the round began: the answer may be from before that.
func (r *round) readNodes(ctx context.Context, tx pgx.Tx) (err error) {
	rows, _ := tx.Query(ctx, `
		SELECT n.id, n.cluster_id, n.state, n.reason, n.start_id, n.ready_at IS NOT NULL AS ready,
			CASE WHEN c.desired = 'paused' AND n.desired = 'running' THEN 'paused' ELSE n.desired END AS desired,
			c.generation > c.reconciled_generation AS pending
		FROM nodes n JOIN clusters c ON c.id = n.cluster_id
		WHERE n.host_id = $1 AND n.state IN ('ready', 'lost', 'pausing', 'paused', 'stopping') AND n.state_at < $2 ORDER BY n.id`, r.HostID, r.Start)
	r.Nodes, err = store.All(rows, "nodes of a host", pgx.RowToStructByName[roundNode])
	return err
}

// alive tells whether the answer proves the node's life: it runs, and nobody started it anew.
func (r *round) alive(n roundNode) bool { return r.same(n, provisioner.MachineRunning) }

// same tells whether the node's machine is in a state, and in the start that it became ready in.
func (r *round) same(n roundNode, s provisioner.MachineState) bool {
	o := r.seen[n.ID]
	return o.State == s && o.StartID == n.StartID && n.StartID != ""
}

// verdict is what the answer makes of a node. What is ending stays with the reconciler, which sees for itself.
func (r *round) verdict(n roundNode) (to provisioner.NodeState, reason provisioner.Reason, detail string) {
	o, there := r.seen[n.ID]
	off := !there || o.State == provisioner.MachineOff || o.State == provisioner.MachineCrashed
	switch {
	case n.State == provisioner.NodeStopping:
	case n.State == provisioner.NodePausing, n.State == provisioner.NodePaused:
		return r.paused(n)
	case n.State == provisioner.NodeLost && n.Desired != provisioner.DesiredRunning && n.Desired != provisioner.DesiredPaused:
		return provisioner.NodeStopping, provisioner.ReasonAsked, ""
	case n.State == provisioner.NodeLost && r.alive(n):
		return provisioner.NodeReady, provisioner.ReasonNone, ""
	case n.Desired != provisioner.DesiredRunning:
	case off:
		return r.wentOff(n)
	case r.same(n, provisioner.MachinePaused):
		// Nobody asked us: the reconciler lets it go on.
		return provisioner.NodePaused, provisioner.ReasonPausedOnHost, ""
	case r.same(n, provisioner.MachineHalted):
		return provisioner.NodeLost, provisioner.ReasonHalted, halted(o)
	case n.State == provisioner.NodeReady && there && o.StartID != n.StartID:
		// Nobody vouches for what is there now: it is not paid, and ends with the cluster.
		return provisioner.NodeLost, provisioner.ReasonStartedAnew, ""
	}
	return n.State, provisioner.ReasonNone, ""
}

func halted(o provisioner.NodeObservation) string { return "The host says: " + o.Why + "." }

// wentOff is the verdict on a node that ran and whose machine is off.
func (r *round) wentOff(n roundNode) (to provisioner.NodeState, reason provisioner.Reason, detail string) {
	o, there := r.seen[n.ID]
	switch {
	case o.Cold || !there && r.Silent:
		return provisioner.NodeStopped, provisioner.ReasonHostRestarted, ""
	case n.State == provisioner.NodeLost:
		return provisioner.NodeStopped, provisioner.ReasonGuestOff, "It was off when its host answered again."
	case o.State == provisioner.MachineCrashed:
		return provisioner.NodeStopped, provisioner.ReasonGuestOff, "The machine crashed."
	}
	return provisioner.NodeStopped, provisioner.ReasonGuestOff, ""
}

// paused is the verdict on a node that is paused, is to be, or is to go on. What was not ready yet and is off is started
// again when its cluster goes on. While the reconciler has not reached what is wanted, what stands is left to it.
func (r *round) paused(n roundNode) (to provisioner.NodeState, reason provisioner.Reason, detail string) {
	o, there := r.seen[n.ID]
	off := !there || o.State == provisioner.MachineOff || o.State == provisioner.MachineCrashed
	switch {
	case off && n.Ready:
		return r.wentOff(n)
	case off || n.State == provisioner.NodePausing:
	case n.Desired == provisioner.DesiredPaused && o.State == provisioner.MachineRunning:
		return provisioner.NodePausing, provisioner.ReasonPaused, "It ran again on its host."
	case n.Desired != provisioner.DesiredRunning:
	case r.alive(n):
		return provisioner.NodeReady, provisioner.ReasonNone, ""
	case o.StartID != n.StartID:
		return provisioner.NodeLost, provisioner.ReasonStartedAnew, ""
	case o.State == provisioner.MachineHalted && !n.Pending:
		return provisioner.NodeLost, provisioner.ReasonHalted, halted(o)
	}
	return n.State, provisioner.ReasonNone, ""
}

// changes tells whether the verdict is another one than what is written down.
func (r *round) changes(n roundNode) bool {
	to, reason, _ := r.verdict(n)
	return to != n.State || reason != provisioner.ReasonNone && reason != n.Reason
}

// wakes tells whether the reconciler has to see to the node though nobody wants anything new: somebody at the host
// suspended its machine, or let it go on.
func (r *round) wakes(n roundNode) bool {
	to, _, _ := r.verdict(n)
	switch {
	case n.State != provisioner.NodePaused:
		return to == provisioner.NodePaused
	case n.Desired == provisioner.DesiredPaused:
		return to == provisioner.NodePausing
	}
	return n.Desired == provisioner.DesiredRunning && !n.Pending && r.same(n, provisioner.MachinePaused)
}

// changing lists the clusters of which a node will change.
func (r *round) changing() []uuid.UUID {
	var ids []uuid.UUID
	for _, n := range r.Nodes {
		if r.changes(n) || r.wakes(n) {
			ids = append(ids, n.ClusterID)
		}
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// claimed writes the round down at the host, unless another worker observes it or a later round was written down.
func (r *round) claimed(ctx context.Context, tx pgx.Tx, worker string) (bool, error) {
	tag, err := tx.Exec(ctx, `
		UPDATE hosts SET round_at = $3, missed_rounds = 0, lacks = $4, mistaken = `+mistakenNow+`
		WHERE id = $1 AND claimed_by = $2 AND claimed_until > now() AND (round_at IS NULL OR round_at < $3)`,
		r.HostID, worker, r.Start, r.Lacks)
	if err != nil {
		return false, fmt.Errorf("record round of host %s: %w", r.HostID, err)
	}
	if tag.RowsAffected() == 0 || !r.Silent {
		return tag.RowsAffected() > 0, nil
	}
	return true, endSilence(ctx, tx, r.HostID)
}

// change writes verdicts down, ends the runs of nodes that are no longer alive, and stops a cluster that has no machine
// left.
func (r *round) change(ctx context.Context, tx pgx.Tx) error {
	var lost []uuid.UUID
	for i, n := range r.Nodes {
		if !r.locked[n.ClusterID] { // of a cluster that is not locked the next round will tell
			continue
		}
		if r.wakes(n) {
			if err := r.wake(ctx, tx, n); err != nil {
				return err
			}
		}
		if !r.changes(n) {
			continue
		}
		to, reason, detail := r.verdict(n)
		_, err := tx.Exec(ctx, `
			UPDATE nodes SET state = $2, reason = $3, reason_detail = $4, state_at = now() WHERE id = $1`, n.ID, to, reason, detail)
		if err != nil {
			return fmt.Errorf("set node %s %s: %w", n.ID, to, err)
		}
		if err := r.endRun(ctx, tx, n, to, reason); err != nil {
			return err
		}
		if to == provisioner.NodeStopped {
			if err := r.db.stopEmptyCluster(ctx, tx, n.ClusterID, reason); err != nil {
				return err
			}
		}
		r.Nodes[i].State = to
		if to == provisioner.NodeLost || to == provisioner.NodeStopped {
			lost = append(lost, n.ID)
		}
	}
	return r.db.tellNodesLost(ctx, tx, lost)
}

// endRun ends a node's run where it is alive no longer. One that comes out of a pause begins another.
func (r *round) endRun(ctx context.Context, tx pgx.Tx, n roundNode, to provisioner.NodeState, why provisioner.Reason) error {
	switch {
	case n.State == provisioner.NodePaused && to == provisioner.NodeReady:
		why = provisioner.ReasonPaused
	case to != provisioner.NodeStopped && to != provisioner.NodeLost && to != provisioner.NodePaused:
		return nil
	}
	return r.db.books.EndRuns(ctx, tx, n.ClusterID, []uuid.UUID{n.ID}, string(why))
}

// wake has the reconciler take the node's cluster up, with a line in the log.
func (r *round) wake(ctx context.Context, tx pgx.Tx, n roundNode) error {
	var org, provider uuid.UUID
	err := tx.QueryRow(ctx, `
		UPDATE clusters SET generation = generation + 1, retry_at = NULL, attempts = 0 WHERE id = $1 RETURNING organization_id, provider_id`,
		n.ClusterID).Scan(&org, &provider)
	if err != nil {
		return fmt.Errorf("wake cluster %s: %w", n.ClusterID, err)
	}
	verb, because := "let stray machine go on", "it was suspended on its host although its node is to run"
	if n.Desired == provisioner.DesiredPaused {
		verb, because = "suspend stray machine", "it ran on its host although its cluster is paused"
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		Organization: org, Provider: provider, Verb: verb, Subject: "cluster", SubjectID: n.ClusterID, Detail: map[string]any{"node": n.ID, "because": because},
	})
}

// stopEmptyCluster gives the hold of a cluster back whose last machine went off by itself; a member may start it again.
func (db *DB) stopEmptyCluster(ctx context.Context, tx pgx.Tx, id uuid.UUID, reason provisioner.Reason) error {
	c, err := lockCluster(ctx, tx, id)
	if err != nil || c.Desired != provisioner.DesiredRunning || c.State() != provisioner.ClusterStopped {
		return err
	}
	if err := c.want(ctx, tx, provisioner.DesiredStopped, reason, ""); err != nil {
		return err
	}
	if err := db.tellEnded(ctx, tx, c, ending{Want: provisioner.DesiredStopped, Reason: reason}); err != nil {
		return err
	}
	return db.settleEnd(ctx, tx, c, reason)
}

// prove stamps every node that is alive and hands the proofs to the meter.
func (r *round) prove(ctx context.Context, tx pgx.Tx) error {
	var proofs []billing.Proof
	var ids []uuid.UUID
	for _, n := range r.Nodes {
		if (n.State == provisioner.NodeReady || n.State == provisioner.NodeLost || n.State == provisioner.NodeStopping) && r.alive(n) {
			proofs = append(proofs, billing.Proof{NodeID: n.ID, StartID: n.StartID})
			ids = append(ids, n.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE nodes SET seen_at = $2 WHERE id = ANY ($1)`, ids, r.Start); err != nil {
		return fmt.Errorf("stamp nodes of host %s: %w", r.HostID, err)
	}
	return r.db.books.ProveLife(ctx, tx, r.HostID, r.Start, r.db.round, proofs)
}
