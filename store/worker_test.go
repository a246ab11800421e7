package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestRescueJobsOfDeadWorkersAlone(t *testing.T) {
	w := storetest.NewWorld(t) // three checks of hosts are queued
	w.Exec(t, `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{earlier,living}' WHERE id = (SELECT min(id) FROM river_job)`)
	w.Exec(t, `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{living,dead}' WHERE id = (SELECT min(id) + 1 FROM river_job)`)
	w.Exec(t, `UPDATE river_job SET state = 'running', attempt = max_attempts, attempted_at = now(), attempted_by = '{dead}' WHERE id = (SELECT min(id) + 2 FROM river_job)`)
	ctx, die := context.WithCancel(t.Context())
	held, gone := make(chan struct{}), make(chan error)
	go func() { gone <- w.DB.HoldWorkerLock(ctx, "living", func() { close(held) }) }()
	<-held

	if n := must[int](t)(w.DB.RescueJobs(t.Context())); n != 2 {
		t.Errorf("%d jobs rescued, want those of the dead worker", n)
	}
	wantStates(t, w, "running", "available", "discarded")
	die()
	noError(t, <-gone)
	// PostgreSQL notices the end of a session a moment later.
	for deadline := time.Now().Add(10 * time.Second); must[int](t)(w.DB.RescueJobs(t.Context())) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("no job was rescued after the second worker died")
		}
	}
	wantStates(t, w, "available", "available", "discarded")
}

func wantStates(t *testing.T, w *storetest.World, want ...string) {
	t.Helper()
	rows, err := w.Pool.Query(t.Context(), `SELECT state::text FROM river_job ORDER BY id`)
	noError(t, err)
	defer rows.Close()
	for _, state := range want {
		var got string
		if !rows.Next() {
			t.Fatal("a job is missing")
		}
		noError(t, rows.Scan(&got))
		if got != state {
			t.Errorf("a job is %s, want %s", got, state)
		}
	}
}

func TestGoneNodes(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "trial-1", 1)
	work := must[store.ClusterWork](t)(w.DB.ClusterForReconcile(t.Context(), id))
	all := []uuid.UUID{work.Nodes[0].ID, work.Nodes[1].ID, uuid.Must(uuid.NewV7())}
	if gone := must[[]uuid.UUID](t)(w.DB.GoneNodes(t.Context(), all)); len(gone) != 0 {
		t.Errorf("gone while they live: %v", gone)
	}
	noError(t, w.DB.DeleteCluster(t.Context(), w.Organization, w.Person, id))
	noError(t, w.DB.MarkClusterGone(t.Context(), id))
	if gone := must[[]uuid.UUID](t)(w.DB.GoneNodes(t.Context(), all)); len(gone) != 2 {
		t.Errorf("gone: %v; one that no row knows is not known to be gone", gone)
	}
}

func TestMarkConsole(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "trial-1", 0)
	node := must[store.ClusterWork](t)(w.DB.ClusterForReconcile(t.Context(), id)).Nodes[0]
	if node.ConsoleMark != "" || node.MarkedStart != 0 {
		t.Errorf("before: %q of start %d", node.ConsoleMark, node.MarkedStart)
	}
	noError(t, w.DB.MarkConsole(t.Context(), node.ID, 2, "cafe"))
	node = must[store.ClusterWork](t)(w.DB.ClusterForReconcile(t.Context(), id)).Nodes[0]
	if node.ConsoleMark != "cafe" || node.MarkedStart != 2 || node.State != provisioner.NodeReserved {
		t.Errorf("after: %q of start %d", node.ConsoleMark, node.MarkedStart)
	}
	w.Ready(t, id)
	noError(t, w.DB.MarkConsole(t.Context(), node.ID, 3, "late"))
	if node = must[store.ClusterWork](t)(w.DB.ClusterForReconcile(t.Context(), id)).Nodes[0]; node.ConsoleMark == "late" {
		t.Error("the evidence of a ready node was overwritten")
	}
}

func TestRenewNetworks(t *testing.T) {
	w := storetest.NewWorld(t)
	ready, starting := w.Launch(t, "trial-1", 3), w.Launch(t, "trial-2", 3)
	w.Ready(t, ready)
	generation := func(id uuid.UUID) int64 {
		return must[store.ClusterWork](t)(w.DB.ClusterForReconcile(t.Context(), id)).Generation
	}
	r, s := generation(ready), generation(starting)
	noError(t, w.DB.RenewNetworks(t.Context(), w.Hosts[0]))
	if generation(ready) != r+1 || generation(starting) != s {
		t.Errorf("generations went from %d and %d to %d and %d", r, s, generation(ready), generation(starting))
	}
}
