package jobs_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/models"
)

func TestRefusingHost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.worker(t, "one")
	t.Run("once is forgiven", func(t *testing.T) {
		b.host(2).Refuse("EnsureNode", 1, "Cannot allocate memory")
		b.untilState(t, b.Launch(t, "trial-1", 3), provisioner.ClusterReady)
	})
	t.Run("again and again ends the launch where no other host has room", func(t *testing.T) {
		b.Exec(t, `UPDATE hosts SET state = 'cordoned' WHERE id <> $1`, b.Hosts[1])
		b.host(2).Refuse("EnsureNode", 100, "Cannot allocate memory")
		c := b.untilState(t, b.Launch(t, "trial-2", 2), provisioner.ClusterGone)
		if c.Reason != provisioner.ReasonHostRefused || !strings.Contains(c.ReasonDetail, "host-2: ") || !strings.Contains(c.ReasonDetail, "Cannot allocate memory") {
			t.Errorf("reason %q: %q", c.Reason, c.ReasonDetail)
		}
		if c.Used != 0 || c.Held != 0 {
			t.Errorf("used %v, held %v", c.Used, c.Held)
		}
	})
}

// hurryGate moves a cluster's gate deadline, since the shortest gate is ten seconds. It waits for every node to have begun
// to start, as each sets the deadline anew.
func (b *bench) hurryGate(t *testing.T, id uuid.UUID) {
	t.Helper()
	until(t, "all starting", func() bool {
		return !slices.ContainsFunc(b.cluster(t, id).NodeRows, func(n machines.NodeRow) bool {
			return n.State == provisioner.NodeReserved || n.State == provisioner.NodeStopped
		})
	})
	b.Exec(t, `UPDATE clusters SET gate_deadline = now() + interval '100 milliseconds' WHERE id = $1`, id)
}

func TestGateMissed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.host(3).SetHanging(true)
	id := b.Launch(t, "trial-1", 2)
	b.worker(t, "one")
	b.hurryGate(t, id)
	c := b.untilState(t, id, provisioner.ClusterGone)
	if c.Reason != provisioner.ReasonGateMissed || !strings.Contains(c.ReasonDetail, "Not ready in time: ") || c.ReadyAt != nil {
		t.Errorf("reason %q: %q, ready %v", c.Reason, c.ReasonDetail, c.ReadyAt)
	}
	b.wantNothingLeft(t)
}

func TestHostVanishesDuringLaunch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.worker(t, "one")
	b.host(2).SetHanging(true)
	id := b.Launch(t, "trial-1", 3)
	until(t, "starting", func() bool { return b.cluster(t, id).GateDeadline != nil })
	b.host(2).SetUnreachable(true)
	until(t, "the launch is given up", func() bool { return b.cluster(t, id).Desired == provisioner.DesiredGone })
	c := b.cluster(t, id)
	if c.Reason != provisioner.ReasonHostLost || !strings.Contains(c.ReasonDetail, "host-2 does not answer") || c.Held != 0 {
		t.Errorf("reason %q: %q, held %v", c.Reason, c.ReasonDetail, c.Held)
	}
	until(t, "the other hosts are cleared", func() bool {
		for _, left := range b.hosts.Leftovers() {
			if !strings.HasPrefix(left, "host-2") {
				return false
			}
		}
		return true
	})
	other := b.Launch(t, "trial-2", 3) // a silent host is in nobody else's way
	if c := b.untilState(t, other, provisioner.ClusterReady); c.State == provisioner.ClusterReady {
		for _, n := range c.NodeRows {
			if n.HostName == "host-2" {
				t.Errorf("%s was placed on a host that is down", n.Name)
			}
		}
	}
	b.host(2).SetUnreachable(false)
	b.untilState(t, id, provisioner.ClusterGone)
	noError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, other))
	b.untilState(t, other, provisioner.ClusterGone)
	b.wantNothingLeft(t)
}

func TestDeafGuestsAreForcedOff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stop := b.worker(t, "one")
	id := b.Launch(t, "trial-1", 1)
	b.untilState(t, id, provisioner.ClusterReady)
	b.host(1).SetDeaf(true)
	noError(t, b.DB.Machines.StopCluster(t.Context(), b.Organization, b.Person, id))
	until(t, "stopping", func() bool { return b.cluster(t, id).State == provisioner.ClusterStopping })
	stop()
	// Nobody waits half a minute here: deleting must not wait for the guest at all.
	noError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	b.worker(t, "two")
	b.untilState(t, id, provisioner.ClusterGone)
	b.wantNothingLeft(t)
}

func TestHostRestarts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.worker(t, "one")
	id := b.Launch(t, "trial-1", 3)
	b.untilState(t, id, provisioner.ClusterReady)
	b.host(2).SetUnreachable(true)
	until(t, "its nodes are lost", func() bool { return b.cluster(t, id).State == provisioner.ClusterDegraded })
	b.host(2).Restart()
	b.host(2).SetUnreachable(false)
	var stopped provisioner.Reason
	until(t, "its nodes are stopped", func() bool {
		for _, n := range b.cluster(t, id).NodeRows {
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
		b.host(n).Restart()
	}
	// Every machine is off: the cluster is stopped as a whole, and a member starts it again.
	c := b.untilState(t, id, provisioner.ClusterStopped)
	if c.Held != 0 {
		t.Errorf("held %v", c.Held)
	}
	noError(t, b.DB.Machines.StartCluster(t.Context(), b.Organization, b.Person, id, 600))
	b.untilState(t, id, provisioner.ClusterReady)
	noError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	b.untilState(t, id, provisioner.ClusterGone)
	b.wantNothingLeft(t)
}

func TestDeleteWaitsForASilentHost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.worker(t, "one")
	id := b.Launch(t, "trial-1", 3)
	b.untilState(t, id, provisioner.ClusterReady)
	b.host(3).SetUnreachable(true)
	noError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	until(t, "the node on the silent host shows it", func() bool {
		for _, n := range b.cluster(t, id).NodeRows {
			if n.State == provisioner.NodeLost && n.Reason == provisioner.ReasonHostLost {
				return true
			}
		}
		return false
	})
	b.host(3).SetUnreachable(false)
	b.untilState(t, id, provisioner.ClusterGone)
	b.wantNothingLeft(t)
}

// TestSweep leaves a machine on a host after its cluster is gone, as a call does that a dead worker had begun, and one
// that no row knows.
func TestSweep(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.worker(t, "one")
	id := b.Launch(t, "trial-1", 0)
	c := b.untilState(t, id, provisioner.ClusterReady)
	noError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	b.untilState(t, id, provisioner.ClusterGone)
	host := b.hosts.Host(provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: c.NodeRows[0].HostName})
	leave := func(id uuid.UUID) {
		n := provisioner.Network{VNI: 77}
		noError(t, host.EnsureNetwork(t.Context(), n))
		noError(t, host.EnsureImage(t.Context(), emptyDigest, 0, func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }))
		noError(t, host.EnsureNode(t.Context(), provisioner.NodeSpec{ID: id, Name: "left", VNI: 77, ImageDigest: emptyDigest}))
	}
	leave(c.NodeRows[0].ID)
	until(t, "the sweep", func() bool { return len(b.hosts.Leftovers()) == 0 })

	leave(uuid.Must(uuid.NewV7()))
	rounds := 0
	var last time.Time
	until(t, "ten rounds", func() bool {
		h, err := b.DB.Machines.HostForWorker(t.Context(), c.NodeRows[0].HostID)
		noError(t, err)
		if h.RoundAt != nil && h.RoundAt.After(last) {
			last = *h.RoundAt
			rounds++
		}
		return rounds == 10
	})
	if left := b.hosts.Leftovers(); len(left) != 2 {
		t.Errorf("what no row knows is left alone, but there is %v", left)
	}
}

const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// TestDeleteDuringASlowLaunch deletes while a host still makes a node: the others are cleared meanwhile, and what the
// slow one made in the end is removed.
func TestDeleteDuringASlowLaunch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.host(2).SetDelay(700 * time.Millisecond)
	b.worker(t, "one")
	id := b.Launch(t, "trial-1", 5)
	until(t, "nodes on the other hosts", func() bool { return len(b.hosts.Leftovers()) >= 6 })
	noError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	until(t, "the other hosts are cleared", func() bool {
		return !slices.ContainsFunc(b.hosts.Leftovers(), func(left string) bool { return !strings.HasPrefix(left, "host-2") })
	})
	b.untilState(t, id, provisioner.ClusterGone)
	b.wantNothingLeft(t)
}

// TestNetworksAreRenewed takes a host's networks away while it is silent and its machines run on, as a restart of its
// libvirtd with lost rules does.
func TestNetworksAreRenewed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.worker(t, "one")
	id := b.Launch(t, "trial-1", 3)
	b.untilState(t, id, provisioner.ClusterReady)
	work, err := b.DB.Machines.ClusterForReconcile(t.Context(), id)
	noError(t, err)
	b.host(2).SetUnreachable(true)
	until(t, "a missed round", func() bool {
		h, err := b.DB.Machines.HostForWorker(t.Context(), b.Hosts[1])
		return err == nil && h.MissedRounds > 0
	})
	b.host(2).SetUnreachable(false)
	noError(t, b.host(2).DeleteNetwork(t.Context(), work.VNI))
	until(t, "the network", func() bool {
		o, err := b.host(2).Observe(t.Context())
		noError(t, err)
		return len(o.Networks) == 1 && o.Networks[0].Active
	})
	b.untilState(t, id, provisioner.ClusterReady)
}

// TestConsoleGateCountsFromItsOwnStart restarts the hosts, whose machines begin to write the very same words to a
// console log that has them already.
func TestConsoleGateCountsFromItsOwnStart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	shape := provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}
	version, err := b.DB.Models.SaveVersion(t.Context(), b.Organization, b.Person, models.VersionDraft{
		ModelClusterID: b.Model, Version: "2.0", ComputeMax: 2, Gate: provisioner.Gate{Kind: provisioner.GateConsole, Text: "volary: ready", TimeoutSeconds: 60},
		Roles: []models.RoleDraft{{Role: provisioner.RoleHead, ImageID: b.Image, Shape: shape}, {Role: provisioner.RoleCompute, ImageID: b.Image, Shape: shape}},
	})
	noError(t, err)
	noError(t, b.DB.Models.PublishVersion(t.Context(), b.Organization, b.Person, version, 1))
	b.Version = version
	b.worker(t, "one")
	id := b.Launch(t, "trial-1", 2)
	b.untilState(t, id, provisioner.ClusterReady)
	for n := 1; n <= 3; n++ {
		b.host(n).Restart()
	}
	b.untilState(t, id, provisioner.ClusterStopped)
	for n := 1; n <= 3; n++ {
		b.host(n).SetHanging(true)
	}
	noError(t, b.DB.Machines.StartCluster(t.Context(), b.Organization, b.Person, id, 600))
	b.hurryGate(t, id)
	c := b.untilState(t, id, provisioner.ClusterStopped)
	if c.Reason != provisioner.ReasonGateMissed || c.Held != 0 {
		t.Errorf("what it said before made it ready: reason %q, held %v", c.Reason, c.Held)
	}
	for n := 1; n <= 3; n++ {
		b.host(n).SetHanging(false)
	}
	noError(t, b.DB.Machines.StartCluster(t.Context(), b.Organization, b.Person, id, 600))
	b.untilState(t, id, provisioner.ClusterReady)
}
