package machines_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

func TestClaims(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	for _, name := range []string{"a", "b", "c", "d"} {
		w.Launch(t, name, 0)
	}
	claimed := make([][]uuid.UUID, 4)
	var workers errgroup.Group
	for i, name := range []string{"w1", "w2", "w3", "w4"} {
		workers.Go(func() (err error) {
			claimed[i], err = w.DB.Machines.ClaimClusters(ctx, name, 1, time.Minute)
			return err
		})
	}
	storetest.NoError(t, workers.Wait())
	seen := map[uuid.UUID]bool{}
	for _, ids := range claimed {
		for _, id := range ids {
			seen[id] = true
		}
	}
	rest := storetest.Must[[]uuid.UUID](t)(w.DB.Machines.ClaimClusters(ctx, "w5", 10, time.Minute))
	if len(seen)+len(rest) != 4 {
		t.Errorf("%v and %v were claimed", claimed, rest)
	}
	wantClaimLife(t, w, claimed[0][0])
}

func wantClaimLife(t *testing.T, w *storetest.World, id uuid.UUID) {
	t.Helper()
	ctx := t.Context()
	if !storetest.Must[bool](t)(w.DB.Machines.KeepClaim(ctx, id, "w1", time.Minute)) || storetest.Must[bool](t)(w.DB.Machines.KeepClaim(ctx, id, "other", time.Minute)) {
		t.Error("only who has a claim keeps it")
	}
	storetest.NoError(t, w.DB.Machines.ReleaseClaim(ctx, id, "w1", 0, time.Hour))
	if again := storetest.Must[[]uuid.UUID](t)(w.DB.Machines.ClaimClusters(ctx, "w1", 10, time.Minute)); len(again) != 0 {
		t.Errorf("claimed %v although it is held back", again)
	}
	if c := work(t, w, id); c.Attempts != 1 {
		t.Errorf("%d attempts", c.Attempts)
	}
	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, id))
	if again := storetest.Must[[]uuid.UUID](t)(w.DB.Machines.ClaimClusters(ctx, "w1", 10, time.Nanosecond)); len(again) != 1 {
		t.Errorf("claimed %v after something else was wanted", again)
	}
	if storetest.Must[bool](t)(w.DB.Machines.KeepClaim(ctx, id, "w1", time.Minute)) {
		t.Error("a claim that ran out was kept")
	}
	if again := storetest.Must[[]uuid.UUID](t)(w.DB.Machines.ClaimClusters(ctx, "w2", 10, time.Minute)); len(again) != 1 {
		t.Errorf("another worker claimed %v", again)
	}
	storetest.NoError(t, w.DB.Machines.ReleaseClaim(ctx, id, "w2", work(t, w, id).Generation, 0))
	if again := storetest.Must[[]uuid.UUID](t)(w.DB.Machines.ClaimClusters(ctx, "w2", 10, time.Minute)); len(again) != 0 {
		t.Errorf("claimed %v although it is reconciled", again)
	}
}

func TestSetNode(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "a", 0)
	n := work(t, w, id).Nodes[0]
	reserved := []provisioner.NodeState{provisioner.NodeReserved}
	if !storetest.Must[bool](t)(w.DB.Machines.SetNode(ctx, n.ID, reserved, provisioner.NodeStarting, "", "")) {
		t.Error("not moved")
	}
	if storetest.Must[bool](t)(w.DB.Machines.SetNode(ctx, n.ID, reserved, provisioner.NodeFailed, provisioner.ReasonHostRefused, "no")) {
		t.Error("moved from a state it is not in")
	}
	if c := work(t, w, id); c.Batches[0].GateDeadline == nil || c.Batches[0].GateDeadline.Sub(c.Now) < 100*time.Second || c.Nodes[0].StartedAt == nil {
		t.Errorf("starting %+v", c)
	}
	_, err := w.DB.Machines.SetNode(ctx, uuid.New(), reserved, provisioner.NodeStarting, "", "")
	storetest.WantRefusal(t, err, "not_found")
}

func TestMarkNodesReady(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "a", 1)
	c := work(t, w, id)
	evidence := map[uuid.UUID]machines.Evidence{c.Nodes[0].ID: {StartID: "1", Kind: "address"}}
	if _, err := w.DB.Machines.MarkNodesReady(ctx, id, c.Generation, evidence); err == nil {
		t.Error("ready without evidence of every node")
	}
	evidence[c.Nodes[1].ID] = machines.Evidence{StartID: "2", Kind: "address"}
	if storetest.Must[bool](t)(w.DB.Machines.MarkNodesReady(ctx, id, c.Generation-1, evidence)) {
		t.Error("ready by an old generation")
	}
	if !storetest.Must[bool](t)(w.DB.Machines.MarkNodesReady(ctx, id, c.Generation, evidence)) {
		t.Error("not ready")
	}
	after := work(t, w, id)
	if after.Generation != c.Generation+1 || after.NetworkGeneration != c.NetworkGeneration+1 || after.ReadyAt == nil || after.Nodes[0].StartID != "1" {
		t.Errorf("ready cluster %+v", after)
	}
	var runs int
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT count(*) FROM runs r JOIN clusters c ON c.id = r.cluster_id
		WHERE r.started_at = date_trunc('second', c.ready_at) AND r.closed_at IS NULL`).Scan(&runs))
	if runs != 2 {
		t.Errorf("%d runs", runs)
	}
}

func TestFailBatch(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "a", 1)
	storetest.NoError(t, w.DB.Machines.FailBatch(ctx, id, 99, work(t, w, id).Batches[0].ID, provisioner.ReasonGateMissed, "late"))
	if c := work(t, w, id); c.Desired != provisioner.DesiredRunning {
		t.Error("failed by another generation")
	}
	storetest.NoError(t, w.DB.Machines.FailBatch(ctx, id, work(t, w, id).Generation, work(t, w, id).Batches[0].ID, provisioner.ReasonGateMissed, "compute-001 was late"))
	d := storetest.Cluster(t, w, id)
	if d.Desired != provisioner.DesiredGone || d.Reason != provisioner.ReasonGateMissed || d.ReasonDetail != "compute-001 was late" || d.Held != 0 || d.Used != 0 ||
		d.NodeRows[0].State != provisioner.NodeFailed || left(t, w) != 100*billing.ComputeHour {
		t.Errorf("failed cluster %+v", d)
	}
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id))
}

// A start again that fails keeps the disks: they may hold someone's work.
func TestFailBatchKeepsTheDisksOfOneThatRanBefore(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "a", 0)
	w.Ready(t, id)
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	stopped(t, w, id)
	storetest.NoError(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 3600))
	storetest.NoError(t, w.DB.Machines.FailBatch(ctx, id, work(t, w, id).Generation, work(t, w, id).Batches[0].ID, provisioner.ReasonHostRefused, "no"))
	if d := storetest.Cluster(t, w, id); d.Desired != provisioner.DesiredStopped || d.Held != 0 {
		t.Errorf("cluster %+v", d)
	}
	stopped(t, w, id)
	if d := storetest.Cluster(t, w, id); d.State != provisioner.ClusterStopped || d.Reason != provisioner.ReasonHostRefused {
		t.Errorf("cluster %+v", d)
	}
}

func TestMarksOfTheWrongMoment(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "a", 0)
	if storetest.Must[bool](t)(w.DB.Machines.MarkNodesStopped(ctx, id, work(t, w, id).Generation)) {
		t.Error("marked stopped although it is to run")
	}
	if err := w.DB.Machines.MarkNodesGone(ctx, id); err == nil {
		t.Error("marked gone although it is to run")
	}
	nodes, vnis, err := w.DB.Machines.LiveNodes(ctx, work(t, w, id).Nodes[0].Host.ID)
	storetest.NoError(t, err)
	if len(nodes) != 1 || len(vnis) != 1 || vnis[0] != work(t, w, id).VNI {
		t.Errorf("live %v %v", nodes, vnis)
	}
}
