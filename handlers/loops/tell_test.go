package loops_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"volary.dev/billing"
	"volary.dev/handlers/loops"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// What happened, and what the clock brought, is mailed by any worker's bookkeeper, by itself and once though two run.
func TestBookkeepersMailWhatHappened(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "trial-1", 0)
	w.Ready(t, id)
	w.Exec(t, `UPDATE clusters SET lease_seconds = 7200, lease_ends_at = now() + interval '50 minutes' WHERE id = $1`, id)
	w.Exec(t, `UPDATE hour_marks SET full_hours = 1000 * $1::bigint`, int64(billing.ComputeHour))
	for _, name := range []string{"worker-1", "worker-2"} {
		db := storetest.OpenAs(t, w.Pool, store.RoleWorker)
		b := &loops.Bookkeeper{Engine: loops.Engine{Core: db.Core, Books: db.Books, Models: db.Models, Machines: db.Machines, Worker: name, Log: slog.New(slog.DiscardHandler)}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		t.Cleanup(func() { cancel(); waittest.Receive(t, "the bookkeeper's end", ended) })
	}
	want := []string{"cluster_ready", "hours_low", "lease_ends"}
	var kinds []string
	waittest.Until(t, "the mails", func() bool {
		storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT coalesce(array_agg(kind ORDER BY kind), '{}') FROM mails WHERE kind <> 'role_given'`).Scan(&kinds))
		return len(kinds) >= len(want)
	})
	if !slices.Equal(kinds, want) {
		t.Errorf("mailed %q", kinds)
	}
}
