package jobs_test

import (
	"testing"

	"volary.dev/provisioner"
)

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLaunchStopStartDelete(t *testing.T) {
	b := newBench(t)
	b.worker(t, "one")
	id := b.Launch(t, "trial-1", 3)
	c := b.untilState(t, id, provisioner.ClusterReady)
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
	until(t, "proof of life", func() bool { seen := b.cluster(t, id).NodeRows[0].SeenAt; return seen != nil && seen.After(*c.ReadyAt) })

	noError(t, b.DB.Machines.StopCluster(t.Context(), b.Organization, b.Person, id))
	c = b.untilState(t, id, provisioner.ClusterStopped)
	if c.Reason != provisioner.ReasonAsked || c.Held != 0 {
		t.Errorf("stopped: reason %q, held %v", c.Reason, c.Held)
	}
	if left := b.hosts.Leftovers(); len(left) != 4 {
		t.Errorf("a stopped cluster keeps its four nodes' disks and nothing else: %v", left)
	}
	noError(t, b.DB.Machines.StartCluster(t.Context(), b.Organization, b.Person, id, 600))
	b.untilState(t, id, provisioner.ClusterReady)

	noError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	b.untilState(t, id, provisioner.ClusterGone)
	b.wantNothingLeft(t)
}
