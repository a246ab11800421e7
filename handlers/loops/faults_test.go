package loops_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/storetest"
)

func TestRefusingHost(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	t.Run("once is forgiven", func(t *testing.T) {
		b.Host(2).Refuse("EnsureNode", 1, "Cannot allocate memory")
		b.UntilState(t, b.Launch(t, "trial-1", 3), provisioner.ClusterReady)
	})
	t.Run("again and again ends the launch where no other host has room", func(t *testing.T) {
		b.Exec(t, `UPDATE hosts SET state = 'cordoned' WHERE id <> $1`, b.Hosts[1])
		b.Host(2).Refuse("EnsureNode", 100, "Cannot allocate memory")
		c := b.UntilState(t, b.Launch(t, "trial-2", 2), provisioner.ClusterGone)
		if c.Reason != provisioner.ReasonHostRefused || !strings.Contains(c.ReasonDetail, "host-2: ") || !strings.Contains(c.ReasonDetail, "Cannot allocate memory") {
			t.Errorf("reason %q: %q", c.Reason, c.ReasonDetail)
		}
		if c.Used != 0 || c.Held != 0 {
			t.Errorf("used %v, held %v", c.Used, c.Held)
		}
	})
}

// A version of before user-data was judged as cloud-init does fails at once, by its own fault and in words.
func TestAVersionThatMakesNoSeed(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	storetest.RewriteDocuments(t, b.Pool, func(m *provisioner.Model) { m.Head.UserData, m.Compute[0].UserData = "echo hello", "echo hello" })
	b.Worker(t, "one")
	c := b.UntilState(t, b.Launch(t, "trial-1", 1), provisioner.ClusterGone)
	if c.Reason != provisioner.ReasonVersion || !strings.Contains(c.ReasonDetail, "Begin with #!/bin/sh") {
		t.Errorf("reason %q: %q", c.Reason, c.ReasonDetail)
	}
	b.WantNothingLeft(t)
}

func TestGateMissed(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Host(3).SetHanging(true)
	id := b.Launch(t, "trial-1", 2)
	b.Worker(t, "one")
	b.HurryGate(t, id)
	c := b.UntilState(t, id, provisioner.ClusterGone)
	if c.Reason != provisioner.ReasonGateMissed || !strings.Contains(c.ReasonDetail, "Not ready in time: ") || c.ReadyAt != nil {
		t.Errorf("reason %q: %q, ready %v", c.Reason, c.ReasonDetail, c.ReadyAt)
	}
	b.WantNothingLeft(t)
}

func TestHostVanishesDuringLaunch(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	b.Host(2).SetHanging(true)
	id := b.Launch(t, "trial-1", 3)
	waittest.Until(t, "starting", func() bool { return b.Cluster(t, id).GateDeadline != nil })
	b.Host(2).SetUnreachable(true)
	waittest.Until(t, "the launch is given up", func() bool { return b.Cluster(t, id).Desired == provisioner.DesiredGone })
	c := b.Cluster(t, id)
	if c.Reason != provisioner.ReasonHostLost || !strings.Contains(c.ReasonDetail, "host-2 does not answer") || c.Held != 0 {
		t.Errorf("reason %q: %q, held %v", c.Reason, c.ReasonDetail, c.Held)
	}
	waittest.Until(t, "the other hosts are cleared", func() bool {
		for _, left := range b.Simulated.Leftovers() {
			if !strings.HasPrefix(left, "host-2") {
				return false
			}
		}
		return true
	})
	other := b.Launch(t, "trial-2", 3) // a silent host is in nobody else's way
	if c := b.UntilState(t, other, provisioner.ClusterReady); c.State == provisioner.ClusterReady {
		for _, n := range c.NodeRows {
			if n.HostName == "host-2" {
				t.Errorf("%s was placed on a host that is down", n.Name)
			}
		}
	}
	b.Host(2).SetUnreachable(false)
	b.UntilState(t, id, provisioner.ClusterGone)
	loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, other))
	b.UntilState(t, other, provisioner.ClusterGone)
	b.WantNothingLeft(t)
}

func TestDeafGuestsAreForcedOff(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	stop := b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 1)
	b.UntilState(t, id, provisioner.ClusterReady)
	b.Host(1).SetDeaf(true)
	loopstest.NoError(t, b.DB.Machines.StopCluster(t.Context(), b.Organization, b.Person, id))
	waittest.Until(t, "stopping", func() bool { return b.Cluster(t, id).State == provisioner.ClusterStopping })
	stop()
	// Nobody waits half a minute here: deleting must not wait for the guest at all.
	loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	b.Worker(t, "two")
	b.UntilState(t, id, provisioner.ClusterGone)
	b.WantNothingLeft(t)
}

func TestHostRestarts(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 3)
	b.UntilState(t, id, provisioner.ClusterReady)
	b.Host(2).SetUnreachable(true)
	waittest.Until(t, "its nodes are lost", func() bool { return b.Cluster(t, id).State == provisioner.ClusterDegraded })
	b.Host(2).Restart()
	b.Host(2).SetUnreachable(false)
	var stopped provisioner.Reason
	waittest.Until(t, "its nodes are stopped", func() bool {
		for _, n := range b.Cluster(t, id).NodeRows {
			if n.State == provisioner.NodeStopped {
				stopped = n.Reason
			}
		}
		return stopped != ""
	})
	if stopped != provisioner.ReasonHostRestarted {
		t.Errorf("reason %q", stopped)
	}
	for n := 1; n <= 3; n++ {
		b.Host(n).Restart()
	}
	// Every machine is off: the cluster is stopped as a whole, and a member starts it again.
	c := b.UntilState(t, id, provisioner.ClusterStopped)
	if c.Held != 0 {
		t.Errorf("held %v", c.Held)
	}
	loopstest.NoError(t, b.DB.Machines.StartCluster(t.Context(), b.Organization, b.Person, id, 600))
	b.UntilState(t, id, provisioner.ClusterReady)
	loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	b.UntilState(t, id, provisioner.ClusterGone)
	b.WantNothingLeft(t)
}

func TestDeleteWaitsForASilentHost(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 3)
	b.UntilState(t, id, provisioner.ClusterReady)
	b.Host(3).SetUnreachable(true)
	loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	waittest.Until(t, "the node on the silent host shows it", func() bool {
		for _, n := range b.Cluster(t, id).NodeRows {
			if n.State == provisioner.NodeLost && n.Reason == provisioner.ReasonHostLost {
				return true
			}
		}
		return false
	})
	b.Host(3).SetUnreachable(false)
	b.UntilState(t, id, provisioner.ClusterGone)
	b.WantNothingLeft(t)
}

// TestSweep leaves a machine on a host after its cluster is gone, as a call does that a dead worker had begun, and one
// that no row knows.
func TestSweep(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 0)
	c := b.UntilState(t, id, provisioner.ClusterReady)
	loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	b.UntilState(t, id, provisioner.ClusterGone)
	host := b.Simulated.Host(provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: c.NodeRows[0].HostName})
	leave := func(id uuid.UUID) {
		n := provisioner.Network{VNI: 77}
		loopstest.NoError(t, host.EnsureNetwork(t.Context(), n))
		loopstest.NoError(t, host.EnsureImage(t.Context(), emptyDigest, 0, func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }))
		loopstest.NoError(t, host.EnsureNode(t.Context(), provisioner.NodeSpec{ID: id, Name: "left", VNI: 77, ImageDigest: emptyDigest}))
	}
	leave(c.NodeRows[0].ID)
	waittest.Until(t, "the sweep", func() bool { return len(b.Simulated.Leftovers()) == 0 })

	leave(uuid.Must(uuid.NewV7()))
	rounds := 0
	var last time.Time
	waittest.Until(t, "ten rounds", func() bool {
		h, err := b.DB.Machines.HostForWorker(t.Context(), c.NodeRows[0].HostID)
		loopstest.NoError(t, err)
		if h.RoundAt != nil && h.RoundAt.After(last) {
			last = *h.RoundAt
			rounds++
		}
		return rounds == 10
	})
	if left := b.Simulated.Leftovers(); len(left) != 2 {
		t.Errorf("what no row knows is left alone, but there is %v", left)
	}
}

const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// TestDeleteDuringASlowLaunch deletes while a host still makes a node: the others are cleared meanwhile, and what the
// slow one made in the end is removed.
func TestDeleteDuringASlowLaunch(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Host(2).SetDelay(700 * time.Millisecond)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 5)
	waittest.Until(t, "nodes on the other hosts", func() bool { return len(b.Simulated.Leftovers()) >= 6 })
	loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	waittest.Until(t, "the other hosts are cleared", func() bool {
		return !slices.ContainsFunc(b.Simulated.Leftovers(), func(left string) bool { return !strings.HasPrefix(left, "host-2") })
	})
	b.UntilState(t, id, provisioner.ClusterGone)
	b.WantNothingLeft(t)
}

// TestNetworksAreRenewed takes a host's networks away while it is silent and its machines run on, as a restart of its
// libvirtd with lost rules does.
func TestNetworksAreRenewed(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 3)
	b.UntilState(t, id, provisioner.ClusterReady)
	work, err := b.DB.Machines.ClusterForReconcile(t.Context(), id)
	loopstest.NoError(t, err)
	b.Host(2).SetUnreachable(true)
	waittest.Until(t, "a missed round", func() bool {
		h, err := b.DB.Machines.HostForWorker(t.Context(), b.Hosts[1])
		return err == nil && h.MissedRounds > 0
	})
	b.Host(2).SetUnreachable(false)
	loopstest.NoError(t, b.Host(2).DeleteNetwork(t.Context(), work.VNI))
	waittest.Until(t, "the network", func() bool {
		o, err := b.Host(2).Observe(t.Context())
		loopstest.NoError(t, err)
		return len(o.Networks) == 1 && o.Networks[0].Active
	})
	b.UntilState(t, id, provisioner.ClusterReady)
}

// TestConsoleGateCountsFromItsOwnStart restarts the hosts, whose machines begin to write the very same words to a
// console log that has them already.
func TestConsoleGateCountsFromItsOwnStart(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	gate := provisioner.Gate{Kind: provisioner.GateConsole, Text: "volary: ready", TimeoutSeconds: 60}
	version, err := b.DB.Models.SaveVersion(t.Context(), b.Organization, b.Person, storetest.Draft(b.Model, b.Image, "2.0", provisioner.Count{Most: 2}, gate))
	loopstest.NoError(t, err)
	loopstest.NoError(t, b.DB.Models.PublishVersion(t.Context(), b.Organization, b.Person, version, 1))
	b.Version = version
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 2)
	b.UntilState(t, id, provisioner.ClusterReady)
	for n := 1; n <= 3; n++ {
		b.Host(n).Restart()
	}
	b.UntilState(t, id, provisioner.ClusterStopped)
	for n := 1; n <= 3; n++ {
		b.Host(n).SetHanging(true)
	}
	loopstest.NoError(t, b.DB.Machines.StartCluster(t.Context(), b.Organization, b.Person, id, 600))
	b.HurryGate(t, id)
	c := b.UntilState(t, id, provisioner.ClusterStopped)
	if c.Reason != provisioner.ReasonGateMissed || c.Held != 0 {
		t.Errorf("what it said before made it ready: reason %q, held %v", c.Reason, c.Held)
	}
	for n := 1; n <= 3; n++ {
		b.Host(n).SetHanging(false)
	}
	loopstest.NoError(t, b.DB.Machines.StartCluster(t.Context(), b.Organization, b.Person, id, 600))
	b.UntilState(t, id, provisioner.ClusterReady)
}
