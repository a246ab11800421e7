package machines_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// TestAClockThatWasSetBack has a host's last round and a node's last run end in an hour, which is what they do after the
// database's clock was an hour ahead. Rounds go on and are written down, the cluster starts again, and nothing of the hour
// is billed.
func TestAClockThatWasSetBack(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id, n := readyCluster(t, w)
	ahead := storetest.Must[time.Time](t)(w.DB.Machines.StartRound(ctx, n.Host.ID)).Add(time.Hour)
	observe(t, w, n.Host.ID, ahead, running(n.ID)) // ends the run by a gap and begins one in an hour
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	if !storetest.Must[bool](t)(w.DB.Machines.MarkNodesStopped(ctx, id, work(t, w, id).Generation)) {
		t.Fatal("not stopped")
	}
	storetest.NoError(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 600))
	w.Ready(t, id)
	for range 3 {
		if !w.Observe(t, n.Host.ID, n.ID) {
			t.Fatal("a round after the clock was set back does not count")
		}
	}
	if row := node(t, w, id); row.State != provisioner.NodeReady || !row.SeenAt.After(ahead) {
		t.Errorf("node %+v", row)
	}
	if used := storetest.Cluster(t, w, id).Used; used != 0 {
		t.Errorf("%d mcs were billed of an hour that nobody used", used)
	}
	// A claim from then is nobody's: without this the host would wait for an hour.
	w.Exec(t, `UPDATE hosts SET claimed_by = 'gone', claimed_until = now() + interval '61 minutes'`)
	w.Exec(t, `UPDATE clusters SET claimed_by = 'gone', claimed_until = now() + interval '61 minutes', reconciled_generation = 0`)
	if hosts := storetest.Must[[]machines.HostClaim](t)(w.DB.Machines.ClaimHosts(ctx, "test", time.Minute)); len(hosts) != 3 {
		t.Errorf("%d hosts claimed", len(hosts))
	}
	if clusters := storetest.Must[[]uuid.UUID](t)(w.DB.Machines.ClaimClusters(ctx, "test", 10, time.Minute)); len(clusters) != 1 {
		t.Errorf("%d clusters claimed", len(clusters))
	}
}
