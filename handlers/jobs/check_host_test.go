package jobs

import (
	"testing"

	"github.com/riverqueue/river"

	"volary.dev/handlers/loops"
	"volary.dev/store"
	"volary.dev/store/queue"
	"volary.dev/store/storetest"
)

// The worker reaches no host of a suspended provider to check it: here there is none to reach.
func TestCheckOfASuspendedProvidersHostIsPassedOver(t *testing.T) {
	w := storetest.NewWorld(t)
	storetest.NoError(t, w.DB.People.SuspendProvider(t.Context(), w.Person, w.Provider, "unpaid fees"))
	db := storetest.OpenAs(t, w.Pool, store.RoleWorker)
	c := &CheckHost{Engine: loops.Engine{Machines: db.Machines}}
	storetest.NoError(t, c.Work(t.Context(), &river.Job[queue.CheckHost]{Args: queue.CheckHost{HostID: w.Hosts[0]}}))
}
