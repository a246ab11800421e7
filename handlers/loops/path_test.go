package loops_test

import (
	"testing"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

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
