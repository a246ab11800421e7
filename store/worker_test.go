package store_test

import (
	"context"
	"testing"

	"volary.dev/provisioner/waittest"
	"volary.dev/store/storetest"
)

func TestRescueJobsOfDeadWorkersAlone(t *testing.T) {
	w := storetest.NewWorld(t) // three checks of hosts are queued
	w.Exec(t, `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{earlier,living}' WHERE id = (SELECT min(id) FROM river_job)`)
	w.Exec(t, `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{living,dead}' WHERE id = (SELECT min(id) + 1 FROM river_job)`)
	w.Exec(t, `UPDATE river_job SET state = 'running', attempt = max_attempts, attempted_at = now(), attempted_by = '{dead}' WHERE id = (SELECT min(id) + 2 FROM river_job)`)
	ctx, die := context.WithCancel(t.Context())
	held, gone := make(chan struct{}), make(chan error)
	go func() { gone <- w.DB.Core.HoldWorkerLock(ctx, "living", func() { close(held) }) }()
	<-held

	if n := storetest.Must[int](t)(w.DB.Core.RescueJobs(t.Context())); n != 2 {
		t.Errorf("%d jobs rescued, want those of the dead worker", n)
	}
	wantStates(t, w, "running", "available", "discarded")
	die()
	storetest.NoError(t, <-gone)
	// PostgreSQL notices the end of a session a moment later.
	waittest.Until(t, "a job to be rescued after the second worker died", func() bool {
		return storetest.Must[int](t)(w.DB.Core.RescueJobs(t.Context())) > 0
	})
	wantStates(t, w, "available", "available", "discarded")
}

func wantStates(t *testing.T, w *storetest.World, want ...string) {
	t.Helper()
	rows, err := w.Pool.Query(t.Context(), `SELECT state::text FROM river_job ORDER BY id`)
	storetest.NoError(t, err)
	defer rows.Close()
	for _, state := range want {
		var got string
		if !rows.Next() {
			t.Fatal("a job is missing")
		}
		storetest.NoError(t, rows.Scan(&got))
		if got != state {
			t.Errorf("a job is %s, want %s", got, state)
		}
	}
}
