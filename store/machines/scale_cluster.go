package machines

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/people"
)

// ScaleRequest is how many nodes one compute group of a running cluster is to have.
type ScaleRequest struct {
	Group string
	Count int
	Nodes []uuid.UUID // which go, where there are to be fewer; none: the newest
}

// Scaled is what came of a scale at once.
type Scaled struct {
	Added   []string      // names of nodes that are on their way up
	Leaving []string      // names of nodes that are to go
	Drains  bool          // those go when the model's drain command has ended
	Held    billing.Hours // for the added ones, until the lease's end
}

// ScaleCluster adds nodes to a compute group of a running cluster, or takes some out of it.
//
// New nodes are a batch of their own: all of them become ready or none, with a hold for the rest of the lease. They get, as at a
// launch, the provider's cheapest shape of today that covers their group, at its rate for as long as they are there, and the image
// that the version was published with. Nodes that are to go run, and are billed, until the model's drain command has ended well
// (see RecordDrain and AnswerDrain); where the model has none they go at once. What was set aside for them comes back when their
// machines are gone.
//
// Refusals: "invalid" by field (group, count, nodes), "state" (not running, lease over, or another scale is under way), "image",
// "image_lost", "certificate", "shape", "cap", "capacity" with the reason of every host, "balance", "provider", "suspended",
// "paused", NotFound.
func (db *DB) ScaleCluster(ctx context.Context, orgID, by, id uuid.UUID, r ScaleRequest) (done Scaled, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) (err error) {
		done, err = db.scale(ctx, tx, scale{ClusterID: id, OrganizationID: orgID, For: by, By: by, Request: r})
		return err
	})
	return done, err
}

// scale is one about to be decided. For and By are those of launch.
type scale struct {
	ClusterID      uuid.UUID
	OrganizationID uuid.UUID
	For, By        uuid.UUID
	Request        ScaleRequest
	Start          int // of the cluster, that it is meant for; 0: whichever runs
}

func (db *DB) scale(ctx context.Context, tx pgx.Tx, sc scale) (Scaled, error) {
	// The pool's lock comes first, as at a launch: what is free is still free when it is taken.
	var poolID uuid.UUID
	if err := tx.QueryRow(ctx, `SELECT pool_id FROM clusters WHERE id = $1 AND organization_id = $2`, sc.ClusterID, sc.OrganizationID).Scan(&poolID); err != nil {
		return Scaled{}, store.Found(err, "cluster")
	}
	if err := lockPool(ctx, tx, poolID); err != nil {
		return Scaled{}, err
	}
	if err := people.RefuseSuspended(ctx, tx, sc.OrganizationID); err != nil {
		return Scaled{}, err
	}
	c, err := lockOwnCluster(ctx, tx, sc.OrganizationID, sc.ClusterID)
	if err != nil {
		return Scaled{}, err
	}
	if sc.Start != 0 && sc.Start != c.StartCount {
		return Scaled{}, &refusal.Error{
			Code: "state", Title: fmt.Sprintf("These nodes were asked for in the cluster's start %d, which is over: now it has its start %d.", sc.Start, c.StartCount),
			Next: "Decline the request. Who needs more nodes asks anew.",
		}
	}
	s, g, err := readScale(ctx, tx, c, sc.Request)
	if err != nil {
		return Scaled{}, err
	}
	if now := len(s.of(g.Name)); sc.Request.Count > now {
		return db.grow(ctx, tx, s, g, sc)
	}
	return db.shrink(ctx, tx, s, sc.Request, sc.For)
}

// readScale reads what decides about a scale of a locked cluster, and refuses what is wrong with either.
func readScale(ctx context.Context, tx pgx.Tx, c lockedCluster, r ScaleRequest) (s scaling, g models.VersionGroup, err error) {
	if err := c.refusePaused(ctx, tx); err != nil {
		return s, g, err
	}
	if s, err = readScaling(ctx, tx, c); err != nil {
		return s, g, err
	}
	if refused := s.refuse(); refused != nil {
		return s, g, refused
	}
	g, refused := s.group(r)
	if refused != nil {
		return s, g, refused
	}
	return s, g, nil
}

// scaling is all that decides about a scale of a cluster, beside what a launch asks.
type scaling struct {
	lockedCluster
	Version models.Version
	Name    string
	VNI     uint32
	Subnet  netip.Prefix
	Ends    *time.Time // of the lease
	At      time.Time  // the clock's, which may be later than the transaction's begin
	Members []scaleNode
	Batch   *pendingBatch
	Drain   *Drain
}

// scaleNode is a node of a cluster, gone ones included.
type scaleNode struct {
	ID      uuid.UUID
	Name    string
	Group   string
	Address netip.Addr
	HostID  uuid.UUID
	State   provisioner.NodeState
	Desired provisioner.Desired
	Rate    billing.Rate
}

// pendingBatch is a batch that is on its way up.
type pendingBatch struct {
	Kind         provisioner.BatchKind
	GateDeadline *time.Time
	Nodes        int
}

func readScaling(ctx context.Context, tx pgx.Tx, c lockedCluster) (scaling, error) {
	s := scaling{lockedCluster: c}
	var version uuid.UUID
	var subnet *netip.Prefix
	err := tx.QueryRow(ctx, `
		SELECT name, version_id, coalesce(vni, 0), subnet, lease_ends_at, clock_timestamp() FROM clusters WHERE id = $1`, c.ID).
		Scan(&s.Name, &version, &s.VNI, &subnet, &s.Ends, &s.At)
	if err != nil {
		return s, fmt.Errorf("read cluster %s: %w", c.ID, err)
	}
	if subnet != nil {
		s.Subnet = *subnet
	}
	if s.Version, err = models.ReadVersion(ctx, tx, c.OrganizationID, version); err != nil {
		return s, err
	}
	rows, _ := tx.Query(ctx, `
		SELECT id, name, group_name AS group, address, host_id, state, desired, rate FROM nodes WHERE cluster_id = $1 ORDER BY id`, c.ID)
	if s.Members, err = store.All(rows, "nodes of a cluster", pgx.RowToStructByName[scaleNode]); err != nil {
		return s, err
	}
	rows, _ = tx.Query(ctx, `
		SELECT kind, gate_deadline, (SELECT count(*) FROM nodes n WHERE n.batch_id = b.id AND n.state <> 'gone')::int AS nodes
		FROM batches b WHERE cluster_id = $1 AND ready_at IS NULL AND ended_at IS NULL ORDER BY id LIMIT 1`, c.ID)
	pending, err := store.All(rows, "batches", pgx.RowToStructByName[pendingBatch])
	if err != nil {
		return s, err
	}
	if len(pending) > 0 {
		s.Batch = &pending[0]
	}
	s.Drain, err = openDrain(ctx, tx, c.ID)
	return s, err
}

// of gives the nodes of a group that are to run, the oldest first.
func (s scaling) of(group string) []scaleNode {
	return slices.DeleteFunc(slices.Clone(s.Members), func(n scaleNode) bool { return n.Group != group || n.Desired != provisioner.DesiredRunning })
}

// compute is how many compute nodes are to run, in all groups.
func (s scaling) compute() (n int) {
	for _, m := range s.Members {
		if m.Group != provisioner.HeadName && m.Desired == provisioner.DesiredRunning {
			n++
		}
	}
	return n
}

// refuse says why nothing of the cluster is scaled now, whatever is asked for.
func (s scaling) refuse() *refusal.Error {
	switch state := s.State(); {
	case s.Kind == "test":
		return wrongState("scaled", state, "An acceptance test has the nodes that it began with.")
	case s.Batch != nil && s.Desired == provisioner.DesiredRunning && s.Batch.Kind == provisioner.BatchScale:
		until := "."
		if s.Batch.GateDeadline != nil {
			until = ", until " + store.SentenceTime(*s.Batch.GateDeadline) + " at the latest."
		}
		return &refusal.Error{
			Code: "state", Title: fmt.Sprintf("This cluster is being scaled already: %s on the way up%s", refusal.Plural(s.Batch.Nodes, "node is", "nodes are"), until),
			Next: "Wait until they are ready or given up, and scale it then.",
		}
	case s.Drain != nil && s.Desired == provisioner.DesiredRunning:
		return &refusal.Error{
			Code: "state", Title: fmt.Sprintf("This cluster is being scaled already: %s on the way out, until %s at the latest.",
				refusal.Plural(len(s.Drain.Nodes), "node is", "nodes are"), store.SentenceTime(s.Drain.Until)),
			Next: "Wait for them, or say on the cluster's page that they go at once or stay.",
		}
	case s.Desired != provisioner.DesiredRunning || s.Batch != nil || state != provisioner.ClusterReady && state != provisioner.ClusterDegraded || s.Ends == nil:
		return wrongState("scaled", state, "Only one that runs is scaled: wait until it is ready, or start it.")
	case !s.Ends.After(s.At):
		return &refusal.Error{
			Code: "state", Title: "The lease of this cluster ended at " + store.SentenceTime(*s.Ends) + ".",
			Next: "Wait until it has stopped, start it again with a new lease, and scale it then.",
		}
	}
	return nil
}

// group finds the group that is to be scaled, or refuses what is asked of it.
func (s scaling) group(r ScaleRequest) (models.VersionGroup, *refusal.Error) {
	g, found := s.Version.Group(r.Group)
	f := store.Fields{}
	if !found || g.Role() == provisioner.RoleHead {
		f.Add("group", "This cluster has no compute group %s.", typed.Isolate(r.Group))
		return g, refusal.Invalid(f)
	}
	f.Between("count", int64(r.Count), int64(g.Count.Least), int64(g.Count.Most), " "+g.Name+" nodes")
	now := s.of(g.Name)
	if len(f) == 0 && r.Count == len(now) {
		f.Add("count", "It has %s of %s already.", refusal.Plural(len(now), "node", "nodes"), g.Name)
	}
	if len(f) == 0 && len(r.Nodes) > 0 {
		s.checkNamed(f, r, len(now))
	}
	if len(f) > 0 {
		return g, refusal.Invalid(f)
	}
	return g, nil
}

// checkNamed refuses a choice of nodes that is not as many as are to go, or not of those that run.
func (s scaling) checkNamed(f store.Fields, r ScaleRequest, now int) {
	switch named := s.named(r.Group, r.Nodes); {
	case r.Count > now:
		f.Add("nodes", "Nodes are chosen to go, and the number asks for more than the %d there are.", now)
	case len(named) < len(r.Nodes):
		f.Add("nodes", "Of the %d chosen only %d run in %s: choose among those.", len(r.Nodes), len(named), r.Group)
	case len(named) != now-r.Count:
		f.Add("nodes", "To come from %d to %s choose %d to go, or none for the newest; %s.", now, refusal.Plural(r.Count, "node", "nodes"), now-r.Count, refusal.Plural(len(named), "is chosen", "are chosen"))
	}
}

// named gives those of a group's nodes that are to run and named, each once.
func (s scaling) named(group string, ids []uuid.UUID) []scaleNode {
	return slices.DeleteFunc(s.of(group), func(n scaleNode) bool { return !slices.Contains(ids, n.ID) })
}

// shrink has nodes go: at once, or after the model's drain command.
func (db *DB) shrink(ctx context.Context, tx pgx.Tx, s scaling, r ScaleRequest, by uuid.UUID) (Scaled, error) {
	going := s.named(r.Group, r.Nodes)
	if len(going) == 0 { // the newest, whose ids are the last
		all := s.of(r.Group)
		going = all[r.Count:]
	}
	var ids []uuid.UUID
	done := Scaled{Drains: len(s.Version.Model.Commands.Drain) > 0}
	for _, n := range going {
		ids, done.Leaving = append(ids, n.ID), append(done.Leaving, n.Name)
	}
	slices.Sort(done.Leaving)
	var err error
	if done.Drains {
		err = beginDrain(ctx, tx, s, r.Group, ids, by)
	} else {
		err = s.remove(ctx, tx, ids)
	}
	if err != nil {
		return Scaled{}, err
	}
	return done, store.WriteAudit(ctx, tx, store.AuditRow{
		By: by, Organization: s.OrganizationID, Provider: s.ProviderID, Verb: "scale down cluster", Subject: "cluster", SubjectID: s.ID,
		Detail: map[string]any{"group": r.Group, "from": len(s.of(r.Group)), "to": r.Count, "nodes": done.Leaving, "drained": done.Drains},
	})
}

// remove wants nodes of a locked cluster gone that are to run, and wakes the workers. They are billed until their machines end.
func (c lockedCluster) remove(ctx context.Context, tx pgx.Tx, nodes []uuid.UUID) error {
	batch := &pgx.Batch{}
	batch.Queue(`
		UPDATE nodes SET desired = 'gone', reason = $3, reason_detail = '', state_at = now(),
			state = CASE WHEN state IN ('starting', 'ready', 'pausing', 'paused') THEN 'stopping' ELSE state END
		WHERE cluster_id = $1 AND id = ANY ($2) AND desired = 'running'`, c.ID, nodes, provisioner.ReasonAsked)
	batch.Queue(`UPDATE clusters SET generation = generation + 1, retry_at = NULL, attempts = 0 WHERE id = $1`, c.ID)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("remove nodes of cluster %s: %w", c.ID, err)
	}
	return nil
}
