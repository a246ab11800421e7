package machines_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// draining launches a cluster whose model has a drain command, and asks for one of its nodes to go.
func draining(t *testing.T) (w *storetest.World, id uuid.UUID) {
	t.Helper()
	w = storetest.NewWorld(t)
	w.Version = drainable(t, w)
	id = w.Launch(t, "one", 3)
	w.Ready(t, id)
	done, err := scaled(t, w, id, 2)
	storetest.NoError(t, err)
	if !done.Drains || !slices.Equal(done.Leaving, []string{"compute-003"}) {
		t.Fatalf("scaled %+v", done)
	}
	return w, id
}

// drainable publishes a version whose model has a drain command.
func drainable(t *testing.T, w *storetest.World) uuid.UUID {
	t.Helper()
	d := storetest.Draft(w.Model, w.Image, "2.0", provisioner.Count{Most: 8}, provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120})
	d.Model.Commands.Drain = []string{"/usr/lib/volary/drain", "-q"}
	id := storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, d))
	storetest.NoError(t, w.DB.Models.PublishVersion(t.Context(), w.Organization, w.Person, id, 1))
	return id
}

func claimDrains(t *testing.T, w *storetest.World, worker string) []machines.DrainClaim {
	t.Helper()
	return storetest.Must[[]machines.DrainClaim](t)(w.DB.Machines.ClaimDrains(t.Context(), worker, 10, time.Minute))
}

// going is what is wanted of a node by its name.
func going(t *testing.T, w *storetest.World, id uuid.UUID, name string) provisioner.Desired {
	t.Helper()
	for _, n := range work(t, w, id).Nodes {
		if n.Name == name {
			return n.Desired
		}
	}
	t.Fatalf("no node %s", name)
	return ""
}

func TestANodeGoesOnceItIsDrained(t *testing.T) {
	w, id := draining(t)
	ctx := t.Context()
	d := storetest.Cluster(t, w, id)
	if e := d.Scaling.Drain; e == nil || !slices.Equal(e.Nodes, []string{"compute-003"}) || e.AskedAt != nil || time.Until(e.Until) > machines.DrainTime || d.ReadyNodes != 4 {
		t.Fatalf("the page is told %+v", e)
	}
	_, err := scaled(t, w, id, 5)
	storetest.WantRefusal(t, err, "state")
	list := claimDrains(t, w, "one")
	if len(list) != 1 || !slices.Equal(list[0].Argv, []string{"/usr/lib/volary/drain", "-q", "compute-003"}) || list[0].Head != work(t, w, id).Nodes[0].ID || list[0].Again ||
		list[0].Left > machines.DrainTime || list[0].Left < machines.DrainTime-time.Minute || list[0].HeadState != provisioner.NodeReady {
		t.Fatalf("claimed %+v", list)
	}
	if again := claimDrains(t, w, "two"); len(again) != 0 {
		t.Errorf("claimed twice: %+v", again)
	}
	storetest.NoError(t, w.DB.Machines.RecordDrain(ctx, "two", list[0].ID, "")) // not its claim
	if want := going(t, w, id, "compute-003"); want != provisioner.DesiredRunning {
		t.Errorf("another worker's word has it %s", want)
	}
	storetest.NoError(t, w.DB.Machines.ReleaseDrains(ctx, "one"))
	if list = claimDrains(t, w, "two"); len(list) != 1 || !list[0].Again {
		t.Fatalf("given back: %+v", list)
	}
	storetest.NoError(t, w.DB.Machines.RecordDrain(ctx, "two", list[0].ID, ""))
	if want := going(t, w, id, "compute-003"); want != provisioner.DesiredGone || storetest.Cluster(t, w, id).Scaling.Drain != nil {
		t.Errorf("drained, and to be %s", want)
	}
	storetest.WantRefusal(t, w.DB.Machines.AnswerDrain(ctx, w.Organization, w.Person, id, list[0].ID, false), "state")
}

// What was not drained stays until a person says otherwise.
func TestAPersonIsAskedAboutWhatWasNotDrained(t *testing.T) {
	w, id := draining(t)
	ctx := t.Context()
	drain := claimDrains(t, w, "one")[0].ID
	storetest.NoError(t, w.DB.Machines.RecordDrain(ctx, "one", drain, "The drain command ended with status 1."))
	storetest.NoError(t, w.DB.Machines.RecordDrain(ctx, "one", drain, "")) // it was said already
	d := storetest.Cluster(t, w, id)
	if e := d.Scaling.Drain; e == nil || e.AskedAt == nil || e.Problem != "The drain command ended with status 1." || going(t, w, id, "compute-003") != provisioner.DesiredRunning {
		t.Errorf("the page is told %+v", e)
	}
	if len(claimDrains(t, w, "one")) != 0 {
		t.Error("it is drained again while a person is asked")
	}
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Other"))
	storetest.WantRefusal(t, w.DB.Machines.AnswerDrain(ctx, other, w.Person, id, drain, true), "not_found")
	storetest.WantRefusal(t, w.DB.Machines.AnswerDrain(ctx, w.Organization, w.Person, id, uuid.New(), true), "state")
	storetest.NoError(t, w.DB.Machines.AnswerDrain(ctx, w.Organization, w.Person, id, drain, false))
	if going(t, w, id, "compute-003") != provisioner.DesiredRunning {
		t.Error("it was to be kept")
	}
	_, err := scaled(t, w, id, 2)
	storetest.NoError(t, err)
	next := storetest.Cluster(t, w, id).Scaling.Drain
	storetest.NoError(t, w.DB.Machines.AnswerDrain(ctx, w.Organization, w.Person, id, next.ID, true)) // before the command has ended
	if going(t, w, id, "compute-003") != provisioner.DesiredGone {
		t.Error("it was to go at once")
	}
}

// A stop or a deletion has more to say than a drain.
func TestADrainIsOvertaken(t *testing.T) {
	w, id := draining(t)
	ctx := t.Context()
	claim := claimDrains(t, w, "one")[0]
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	storetest.NoError(t, w.DB.Machines.RecordDrain(ctx, "one", claim.ID, ""))
	if d := storetest.Cluster(t, w, id); d.Scaling.Drain != nil || going(t, w, id, "compute-003") != provisioner.DesiredStopped {
		t.Errorf("after a stop %+v, and its node is to be %s", d.Scaling.Drain, going(t, w, id, "compute-003"))
	}
	stopped(t, w, id)
	storetest.NoError(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 3600))
	w.Ready(t, id)
	if n := len(work(t, w, id).Nodes); n != 4 {
		t.Errorf("%d nodes after the start", n)
	}
}

// Of a worker that died a person is asked when the time is over, and not before.
func TestADrainOfADeadWorker(t *testing.T) {
	w, id := draining(t)
	claimDrains(t, w, "one")
	w.Exec(t, `UPDATE drains SET created_at = created_at - interval '20 min', until_at = now() - interval '1 min', claimed_until = now() - interval '1 s' WHERE cluster_id = $1`, id)
	list := claimDrains(t, w, "two")
	if len(list) != 1 || list[0].Left != 0 || !list[0].Again {
		t.Errorf("claimed %+v", list)
	}
}
