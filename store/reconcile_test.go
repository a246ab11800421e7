package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
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
			claimed[i], err = w.DB.ClaimClusters(ctx, name, 1, time.Minute)
			return err
		})
	}
	noError(t, workers.Wait())
	seen := map[uuid.UUID]bool{}
	for _, ids := range claimed {
		for _, id := range ids {
			seen[id] = true
		}
	}
	rest := must[[]uuid.UUID](t)(w.DB.ClaimClusters(ctx, "w5", 10, time.Minute))
	if len(seen)+len(rest) != 4 {
		t.Errorf("%v and %v were claimed", claimed, rest)
	}
	wantClaimLife(t, w, claimed[0][0])
}

func wantClaimLife(t *testing.T, w *storetest.World, id uuid.UUID) {
	t.Helper()
	ctx := t.Context()
	if !must[bool](t)(w.DB.KeepClaim(ctx, id, "w1", time.Minute)) || must[bool](t)(w.DB.KeepClaim(ctx, id, "other", time.Minute)) {
		t.Error("only who has a claim keeps it")
	}
	noError(t, w.DB.ReleaseClaim(ctx, id, "w1", 0, time.Hour))
	if again := must[[]uuid.UUID](t)(w.DB.ClaimClusters(ctx, "w1", 10, time.Minute)); len(again) != 0 {
		t.Errorf("claimed %v although it is held back", again)
	}
	if c := work(t, w, id); c.Attempts != 1 {
		t.Errorf("%d attempts", c.Attempts)
	}
	noError(t, w.DB.DeleteCluster(ctx, w.Organization, w.Person, id))
	if again := must[[]uuid.UUID](t)(w.DB.ClaimClusters(ctx, "w1", 10, time.Nanosecond)); len(again) != 1 {
		t.Errorf("claimed %v after something else was wanted", again)
	}
	if must[bool](t)(w.DB.KeepClaim(ctx, id, "w1", time.Minute)) {
		t.Error("a claim that ran out was kept")
	}
	if again := must[[]uuid.UUID](t)(w.DB.ClaimClusters(ctx, "w2", 10, time.Minute)); len(again) != 1 {
		t.Errorf("another worker claimed %v", again)
	}
	noError(t, w.DB.ReleaseClaim(ctx, id, "w2", work(t, w, id).Generation, 0))
	if again := must[[]uuid.UUID](t)(w.DB.ClaimClusters(ctx, "w2", 10, time.Minute)); len(again) != 0 {
		t.Errorf("claimed %v although it is reconciled", again)
	}
}

func TestSetNode(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "a", 0)
	n := work(t, w, id).Nodes[0]
	reserved := []provisioner.NodeState{provisioner.NodeReserved}
	if !must[bool](t)(w.DB.SetNode(ctx, n.ID, reserved, provisioner.NodeStarting, "", "")) {
		t.Error("not moved")
	}
	if must[bool](t)(w.DB.SetNode(ctx, n.ID, reserved, provisioner.NodeFailed, provisioner.ReasonHostRefused, "no")) {
		t.Error("moved from a state it is not in")
	}
	if c := work(t, w, id); c.GateDeadline == nil || c.GateDeadline.Sub(c.Now) < 100*time.Second || c.Nodes[0].StartedAt == nil {
		t.Errorf("starting %+v", c)
	}
	_, err := w.DB.SetNode(ctx, uuid.New(), reserved, provisioner.NodeStarting, "", "")
	wantRefusal(t, err, "not_found")
}

func TestMarkClusterReady(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "a", 1)
	c := work(t, w, id)
	evidence := map[uuid.UUID]store.Evidence{c.Nodes[0].ID: {StartID: "1", Kind: "address"}}
	if _, err := w.DB.MarkClusterReady(ctx, id, c.Generation, evidence); err == nil {
		t.Error("ready without evidence of every node")
	}
	evidence[c.Nodes[1].ID] = store.Evidence{StartID: "2", Kind: "address"}
	if must[bool](t)(w.DB.MarkClusterReady(ctx, id, c.Generation-1, evidence)) {
		t.Error("ready by an old generation")
	}
	if !must[bool](t)(w.DB.MarkClusterReady(ctx, id, c.Generation, evidence)) {
		t.Error("not ready")
	}
	after := work(t, w, id)
	if after.Generation != c.Generation+1 || after.NetworkGeneration != c.NetworkGeneration+1 || after.ReadyAt == nil || after.Nodes[0].StartID != "1" {
		t.Errorf("ready cluster %+v", after)
	}
	var runs int
	noError(t, w.Pool.QueryRow(ctx, `SELECT count(*) FROM runs r JOIN clusters c ON c.id = r.cluster_id
		WHERE r.started_at = date_trunc('second', c.ready_at) AND r.closed_at IS NULL`).Scan(&runs))
	if runs != 2 {
		t.Errorf("%d runs", runs)
	}
}

func TestFailCluster(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "a", 1)
	noError(t, w.DB.FailCluster(ctx, id, 99, provisioner.ReasonGateMissed, "late"))
	if c := work(t, w, id); c.Desired != provisioner.DesiredRunning {
		t.Error("failed by another generation")
	}
	noError(t, w.DB.FailCluster(ctx, id, work(t, w, id).Generation, provisioner.ReasonGateMissed, "compute-001 was late"))
	d := cluster(t, w, id)
	if d.Desired != provisioner.DesiredGone || d.Reason != provisioner.ReasonGateMissed || d.ReasonDetail != "compute-001 was late" || d.Held != 0 || d.Used != 0 ||
		d.NodeRows[0].State != provisioner.NodeFailed || left(t, w) != 100*billing.ComputeHour {
		t.Errorf("failed cluster %+v", d)
	}
	noError(t, w.DB.MarkClusterGone(ctx, id))
}

// A start again that fails keeps the disks: they may hold someone's work.
func TestFailClusterKeepsTheDisksOfOneThatRanBefore(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "a", 0)
	w.Ready(t, id)
	noError(t, w.DB.StopCluster(ctx, w.Organization, w.Person, id))
	stopped(t, w, id)
	noError(t, w.DB.StartCluster(ctx, w.Organization, w.Person, id, 3600))
	noError(t, w.DB.FailCluster(ctx, id, work(t, w, id).Generation, provisioner.ReasonHostRefused, "no"))
	if d := cluster(t, w, id); d.Desired != provisioner.DesiredStopped || d.Held != 0 {
		t.Errorf("cluster %+v", d)
	}
	stopped(t, w, id)
	if d := cluster(t, w, id); d.State != provisioner.ClusterStopped || d.Reason != provisioner.ReasonHostRefused {
		t.Errorf("cluster %+v", d)
	}
}

func TestMarksOfTheWrongMoment(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "a", 0)
	if must[bool](t)(w.DB.MarkNodesStopped(ctx, id, work(t, w, id).Generation)) {
		t.Error("marked stopped although it is to run")
	}
	if err := w.DB.MarkClusterGone(ctx, id); err == nil {
		t.Error("marked gone although it is to run")
	}
	nodes, vnis, err := w.DB.LiveNodes(ctx, work(t, w, id).Nodes[0].Host.ID)
	noError(t, err)
	if len(nodes) != 1 || len(vnis) != 1 || vnis[0] != work(t, w, id).VNI {
		t.Errorf("live %v %v", nodes, vnis)
	}
}
