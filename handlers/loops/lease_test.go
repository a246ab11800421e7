package loops_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/handlers/loops"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// Leases that extend themselves go on by any worker's bookkeeper, once though two run; those that are over end.
func TestBookkeepersExtendLeases(t *testing.T) {
	w := storetest.NewWorld(t)
	launch := func(name string, terms machines.LeaseTerms) uuid.UUID {
		r := storetest.OneHour(w, name, 0)
		r.Terms = terms
		id := storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r))
		w.Ready(t, id)
		return id
	}
	endless, over := launch("endless", machines.LeaseTerms{UntilStopped: true}), launch("over", machines.LeaseTerms{})
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now() + CASE WHEN id = $1 THEN interval '40 minutes' ELSE '0' END`, endless)
	for _, name := range []string{"worker-1", "worker-2"} {
		db := storetest.OpenAs(t, w.Pool, store.RoleWorker)
		b := &loops.Bookkeeper{Engine: loops.Engine{Core: db.Core, Books: db.Books, Models: db.Models, Machines: db.Machines, Worker: name, Log: slog.New(slog.DiscardHandler)}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		t.Cleanup(func() { cancel(); waittest.Receive(t, "the bookkeeper's end", ended) })
	}
	waittest.Until(t, "the extension and the end", func() bool {
		return storetest.Cluster(t, w, endless).LeaseSeconds > 7200 && storetest.Cluster(t, w, over).Desired == provisioner.DesiredStopped
	})
	if d := storetest.Cluster(t, w, endless); d.LeaseSeconds != 3*3600 || d.Held != 3*billing.ComputeHour || d.Desired != provisioner.DesiredRunning {
		t.Errorf("extended %+v", d)
	}
}
