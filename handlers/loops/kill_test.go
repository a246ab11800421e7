package loops_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
)

// eachSend is at which sends to the database a worker is killed: at length at each eighth one, for a transaction sends several times.
func eachSend() int {
	if os.Getenv("VOLARY_TEST_FULL") != "" {
		return 8
	}
	return 24
}

// TestKilledWorker kills the worker at each of its calls to hosts, and at many of its sends to the database, in the
// middle of launch, stop, start and delete. Each time another worker goes on, the cluster ends where it was to go, and
// nothing is left behind.
func TestKilledWorker(t *testing.T) {
	const (
		ready, stopped, gone = provisioner.ClusterReady, provisioner.ClusterStopped, provisioner.ClusterGone
	)
	for _, c := range []struct {
		name  string
		begin provisioner.ClusterState // what a healthy worker brings the cluster to first; empty: nothing
		ask   func(b *loopstest.Bench, id uuid.UUID) error
		want  provisioner.ClusterState
	}{
		{"launch", "", func(*loopstest.Bench, uuid.UUID) error { return nil }, ready},
		{"stop", ready, func(b *loopstest.Bench, id uuid.UUID) error {
			return b.DB.Machines.StopCluster(context.Background(), b.Organization, b.Person, id)
		}, stopped},
		{"start", stopped, func(b *loopstest.Bench, id uuid.UUID) error {
			return b.DB.Machines.StartCluster(context.Background(), b.Organization, b.Person, id, 60)
		}, ready},
		{"delete", ready, func(b *loopstest.Bench, id uuid.UUID) error {
			return b.DB.Machines.DeleteCluster(context.Background(), b.Organization, b.Person, id)
		}, gone},
	} {
		for _, of := range []string{"calls", "sends"} {
			t.Run(c.name+" by "+of, func(t *testing.T) {
				t.Parallel()
				b := loopstest.NewBench(t)
				for n := 1; ; n++ {
					id := b.Launch(t, fmt.Sprintf("trial-%d", n), 2)
					b.Bring(t, id, c.begin)
					loopstest.NoError(t, c.ask(b, id))
					calls, sends := n, 0
					if of == "sends" {
						calls, sends = 0, eachSend()*n
					}
					died := b.Dying(t, "mortal", id, calls, sends)
					b.Bring(t, id, c.want)
					loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
					b.Bring(t, id, gone)
					b.WantNothingLeft(t)
					if !died || t.Failed() || testing.Short() && n == 6 {
						t.Logf("killed %d times", n-1)
						return
					}
				}
			})
		}
	}
}
