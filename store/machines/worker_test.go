package machines_test

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

func TestGoneNodes(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "trial-1", 1)
	work := storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(t.Context(), id))
	all := []uuid.UUID{work.Nodes[0].ID, work.Nodes[1].ID, uuid.Must(uuid.NewV7())}
	if gone := storetest.Must[[]uuid.UUID](t)(w.DB.Machines.GoneNodes(t.Context(), all)); len(gone) != 0 {
		t.Errorf("gone while they live: %v", gone)
	}
	storetest.NoError(t, w.DB.Machines.DeleteCluster(t.Context(), w.Organization, w.Person, id))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(t.Context(), id))
	if gone := storetest.Must[[]uuid.UUID](t)(w.DB.Machines.GoneNodes(t.Context(), all)); len(gone) != 2 {
		t.Errorf("gone: %v; one that no row knows is not known to be gone", gone)
	}
}

func TestMarkConsole(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "trial-1", 0)
	node := storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(t.Context(), id)).Nodes[0]
	if node.ConsoleMark != "" || node.MarkedStart != 0 {
		t.Errorf("before: %q of start %d", node.ConsoleMark, node.MarkedStart)
	}
	storetest.NoError(t, w.DB.Machines.MarkConsole(t.Context(), node.ID, 2, "cafe"))
	node = storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(t.Context(), id)).Nodes[0]
	if node.ConsoleMark != "cafe" || node.MarkedStart != 2 || node.State != provisioner.NodeReserved {
		t.Errorf("after: %q of start %d", node.ConsoleMark, node.MarkedStart)
	}
	w.Ready(t, id)
	storetest.NoError(t, w.DB.Machines.MarkConsole(t.Context(), node.ID, 3, "late"))
	if node = storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(t.Context(), id)).Nodes[0]; node.ConsoleMark == "late" {
		t.Error("the evidence of a ready node was overwritten")
	}
}

func TestRenewNetworks(t *testing.T) {
	w := storetest.NewWorld(t)
	ready, starting := w.Launch(t, "trial-1", 3), w.Launch(t, "trial-2", 3)
	w.Ready(t, ready)
	generation := func(id uuid.UUID) int64 {
		return storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(t.Context(), id)).Generation
	}
	r, s := generation(ready), generation(starting)
	storetest.NoError(t, w.DB.Machines.RenewNetworks(t.Context(), w.Hosts[0]))
	if generation(ready) != r+1 || generation(starting) != s {
		t.Errorf("generations went from %d and %d to %d and %d", r, s, generation(ready), generation(starting))
	}
}
