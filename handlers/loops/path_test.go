package loops_test

import (
	"testing"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
)

// The task log has each node's steps once, from the worker that made them: its machine, its gate, and how long each took.
func TestTaskLogOfALaunch(t *testing.T) {
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 3)
	b.UntilState(t, id, provisioner.ClusterReady)
	list, _, err := b.DB.Machines.Tasks(t.Context(), b.Organization, id, store.Page{})
	loopstest.NoError(t, err)
	nodes := map[provisioner.NodeStep]int{}
	for _, x := range list {
		nodes[x.Step] += x.NodeCount
		if (x.Step == provisioner.StepMade || x.Step == provisioner.StepGate || x.Verb == "cluster ready") && (x.Since == nil || x.Since.After(x.At)) {
			t.Errorf("%+v took no time", x)
		}
	}
	for _, s := range []provisioner.NodeStep{"reserved", "starting", provisioner.StepMade, provisioner.StepGate} {
		if nodes[s] != 4 {
			t.Errorf("%d of 4 nodes are %s: %+v", nodes[s], s, list)
		}
	}
	if list[0].Verb != "cluster ready" {
		t.Errorf("the last task is %+v", list[0])
	}
}

func TestLaunchStopStartDelete(t *testing.T) {
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 3)
	c := b.UntilState(t, id, provisioner.ClusterReady)
	if c.ReadyAt == nil || c.LeaseEndsAt == nil || c.LeaseEndsAt.Sub(*c.ReadyAt).Seconds() != 3600 || c.SSHPort == 0 {
		t.Errorf("ready: %+v", c)
	}
	hosts := map[string]bool{}
	for _, n := range c.NodeRows {
		hosts[n.HostName] = true
	}
	if len(c.NodeRows) != 4 || len(hosts) != 3 {
		t.Errorf("%d nodes on %d hosts", len(c.NodeRows), len(hosts))
	}
	waittest.Until(t, "proof of life", func() bool { seen := b.Cluster(t, id).NodeRows[0].SeenAt; return seen != nil && seen.After(*c.ReadyAt) })

	loopstest.NoError(t, b.DB.Machines.StopCluster(t.Context(), b.Organization, b.Person, id))
	c = b.UntilState(t, id, provisioner.ClusterStopped)
	if c.Reason != provisioner.ReasonAsked || c.Held != 0 {
		t.Errorf("stopped: reason %q, held %v", c.Reason, c.Held)
	}
	if left := b.Simulated.Leftovers(); len(left) != 4 {
		t.Errorf("a stopped cluster keeps its four nodes' disks and nothing else: %v", left)
	}
	loopstest.NoError(t, b.DB.Machines.StartCluster(t.Context(), b.Organization, b.Person, id, 600))
	b.UntilState(t, id, provisioner.ClusterReady)

	loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	b.UntilState(t, id, provisioner.ClusterGone)
	b.WantNothingLeft(t)
}
