package machines_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// tasks gives a cluster's task log, the oldest first: "launch cluster by Ada", "made 1 on 1 took".
func tasks(t *testing.T, w *storetest.World, id uuid.UUID) []string {
	t.Helper()
	web := storetest.OpenAs(t, w.Pool, store.RoleWeb)
	list, total, err := web.Machines.Tasks(t.Context(), w.Organization, id, store.Page{Limit: 1000})
	storetest.NoError(t, err)
	if total != len(list) {
		t.Errorf("%d tasks, %d in all", len(list), total)
	}
	var lines []string
	for _, x := range list {
		line := x.Verb
		if x.PersonName != "" {
			line += " by " + x.PersonName
		}
		if x.Step != "" {
			line = fmt.Sprintf("%s %s of %d on %d", x.Step, strings.Join(x.Nodes, ","), x.NodeCount, x.HostCount)
		}
		if x.Reason != "" {
			line += " " + string(x.Reason)
		}
		if x.Since != nil {
			line += " took"
		}
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	return lines
}

func wantTasks(t *testing.T, w *storetest.World, id uuid.UUID, want ...string) {
	t.Helper()
	if got := tasks(t, w, id); !slices.Equal(got, want) {
		t.Errorf("tasks\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// startNoted takes a launched cluster to READY with the steps that the worker notes, under its role.
func startNoted(t *testing.T, w *storetest.World, id uuid.UUID) {
	t.Helper()
	ctx := t.Context()
	worker := storetest.OpenAs(t, w.Pool, store.RoleWorker)
	c := work(t, w, id)
	evidence := map[uuid.UUID]machines.Evidence{}
	var nodes []uuid.UUID
	for _, n := range c.Nodes {
		if !storetest.Must[bool](t)(worker.Machines.BeginNode(ctx, n.ID, n.Host.ID)) {
			t.Fatal("the node does not belong on its host")
		}
		for range 2 { // a worker that goes on with another's cluster makes a node again, and finds it made
			storetest.NoError(t, worker.Machines.NoteNodes(ctx, provisioner.StepMade, n.ID))
		}
		nodes = append(nodes, n.ID)
		evidence[n.ID] = machines.Evidence{StartID: storetest.StartID(n.ID), Kind: "address"}
	}
	for range 2 {
		storetest.NoError(t, worker.Machines.NoteNodes(ctx, provisioner.StepGate, nodes...))
	}
	if !storetest.Must[bool](t)(worker.Machines.MarkNodesReady(ctx, id, work(t, w, id).Generation, evidence)) {
		t.Fatal("not marked ready")
	}
	storetest.NoError(t, worker.Machines.NoteNodes(ctx, provisioner.StepGate, nodes...)) // too late, and said already
}

func TestTasksOfAClustersLife(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 1)
	wantTasks(t, w, id, "launch cluster by Ada", "reserved head,compute-001 of 2 on 2")
	startNoted(t, w, id)
	start := []string{
		"starting head of 1 on 1", "made head of 1 on 1 took", "starting compute-001 of 1 on 1", "made compute-001 of 1 on 1 took",
		"gate head,compute-001 of 2 on 2 took", "cluster ready took",
	}
	want := append([]string{"launch cluster by Ada", "reserved head,compute-001 of 2 on 2"}, start...)
	wantTasks(t, w, id, want...)

	storetest.NoError(t, w.DB.Machines.ExtendLease(ctx, w.Organization, w.Person, id, 3600))
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	stopped(t, w, id)
	want = append(want, "extend lease by Ada", "stop cluster by Ada", "stopped head,compute-001 of 2 on 2 asked took")
	wantTasks(t, w, id, want...)

	// A second start has its own steps, and its own time to ready.
	storetest.NoError(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 3600))
	startNoted(t, w, id)
	want = append(append(want, "start cluster by Ada", "reserved head,compute-001 of 2 on 2"), start...)
	wantTasks(t, w, id, want...)

	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, id))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id))
	wantTasks(t, w, id, append(want, "delete cluster by Ada", "gone head,compute-001 of 2 on 2 asked took")...)
	list, _, err := w.DB.Machines.Tasks(ctx, w.Organization, id, store.Page{})
	storetest.NoError(t, err)
	for _, x := range list {
		if x.Since != nil && x.Since.After(x.At) {
			t.Errorf("%+v ended before it began", x)
		}
	}
}

func TestTasksOfWhatGoesWrong(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id, n := readyCluster(t, w)
	before := tasks(t, w, id)
	observe(t, w, n.Host.ID, after(t, w, 5), running(n.ID))
	for range 3 {
		storetest.NoError(t, w.DB.Machines.RecordMissedRound(ctx, n.Host.ID, "test", "timeout"))
	}
	observe(t, w, n.Host.ID, after(t, w, 10), running(n.ID))
	storetest.NoError(t, w.DB.Machines.PauseCluster(ctx, w.Person, w.Provider, id, "it attacks others"))
	stands(t, w, id)
	storetest.NoError(t, w.DB.Machines.ResumeCluster(ctx, w.Person, w.Provider, id))
	observe(t, w, n.Host.ID, after(t, w, 15), running(n.ID))
	// The rounds of this test are some seconds ahead of its commands, so that the order of what follows them is not the true one.
	got := tasks(t, w, id)
	want := append(before, "lost head of 1 on 1 host_lost", "ready head of 1 on 1 took", "pause cluster by Ada", "pausing head of 1 on 1 paused",
		"paused head of 1 on 1 paused took", "resume cluster by Ada", "ready head of 1 on 1 took")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("tasks\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// A start that fails says so with its reason; what was only reserved is removed by who gave it up.
func TestTasksOfAFailedLaunch(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 0)
	storetest.NoError(t, w.DB.Machines.FailBatch(ctx, id, work(t, w, id).Generation, work(t, w, id).Batches[0].ID, provisioner.ReasonHostLost, ""))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id))
	wantTasks(t, w, id, "launch cluster by Ada", "reserved head of 1 on 1", "fail cluster", "failed head of 1 on 1 host_lost", "gone head of 1 on 1 host_lost took")
}

func TestTasksArePagedAndOnesOwn(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id, other := w.Launch(t, "trial-1", 4), w.Launch(t, "trial-2", 0)
	startNoted(t, w, id)
	all, total, err := w.DB.Machines.Tasks(ctx, w.Organization, id, store.Page{Limit: 1000})
	storetest.NoError(t, err)
	page, same, err := w.DB.Machines.Tasks(ctx, w.Organization, id, store.Page{Limit: 2, Offset: 1})
	storetest.NoError(t, err)
	if len(page) != 2 || same != total || total != len(all) || !page[0].At.Equal(all[1].At) || page[0].Step != all[1].Step {
		t.Errorf("the second and third of %d (%d): %+v", total, same, page)
	}
	if x := all[1]; x.Step != provisioner.StepGate || x.NodeCount != 5 || !slices.Equal(x.Nodes, []string{"head", "compute-001", "compute-002"}) {
		t.Errorf("of many nodes three are named: %+v", x)
	}
	if list, total, err := w.DB.Machines.Tasks(ctx, uuid.New(), id, store.Page{}); err != nil || total != 0 || len(list) != 0 {
		t.Errorf("another organization reads %+v, %v", list, err)
	}
	if got := tasks(t, w, other); len(got) != 2 {
		t.Errorf("the other cluster's tasks are %q", got)
	}
	// Neither server changes what was written.
	for _, sql := range []string{`UPDATE node_steps SET at = now()`, `DELETE FROM node_steps`} {
		if _, err := w.Pool.Exec(ctx, sql); err == nil {
			t.Errorf("%s passes", sql)
		}
	}
}
