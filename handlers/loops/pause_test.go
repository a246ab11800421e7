package loops_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/machines"
)

// hostOf is the simulated host that carries a node.
func hostOf(b *loopstest.Bench, n machines.NodeRow) *memory.Host {
	return b.Simulated.Host(provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: n.HostName})
}

// seen is what the node's host says of its machine.
func seen(t *testing.T, b *loopstest.Bench, n machines.NodeRow) provisioner.NodeObservation {
	t.Helper()
	o, err := hostOf(b, n).Observe(t.Context())
	if err != nil {
		return provisioner.NodeObservation{}
	}
	for _, x := range o.Nodes {
		if x.ID == n.ID {
			return x
		}
	}
	return provisioner.NodeObservation{}
}

func pause(t *testing.T, b *loopstest.Bench, id uuid.UUID) {
	t.Helper()
	loopstest.NoError(t, b.DB.Machines.PauseCluster(t.Context(), b.Person, b.Provider, id, "it attacks others"))
}

func resume(t *testing.T, b *loopstest.Bench, id uuid.UUID) {
	t.Helper()
	loopstest.NoError(t, b.DB.Machines.ResumeCluster(t.Context(), b.Person, b.Provider, id))
}

// untilStanding waits until every node is written down as paused, and wants its machine to stand.
func untilStanding(t *testing.T, b *loopstest.Bench, id uuid.UUID) machines.ClusterDetail {
	t.Helper()
	waittest.Until(t, "every node is paused", func() bool {
		for _, n := range b.Cluster(t, id).NodeRows {
			if n.State != provisioner.NodePaused {
				return false
			}
		}
		return true
	})
	d := b.Cluster(t, id)
	for _, n := range d.NodeRows {
		if o := seen(t, b, n); o.State != provisioner.MachinePaused {
			t.Errorf("%s is paused, and its host says %+v", n.Name, o)
		}
	}
	return d
}

// A pause stands over a host that was silent, a worker that died, and hands at the host; it goes on with the machines that
// there were, and is billed in neither.
func TestPause(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	stop := b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 3)
	before := b.UntilState(t, id, provisioner.ClusterReady)
	starts := map[uuid.UUID]string{}
	for _, n := range before.NodeRows {
		starts[n.ID] = seen(t, b, n).StartID
	}
	silent := hostOf(b, before.NodeRows[0])
	silent.SetUnreachable(true)
	pause(t, b, id)
	waittest.Until(t, "other hosts do not wait for the silent one", func() bool {
		for _, n := range b.Cluster(t, id).NodeRows {
			if (n.State == provisioner.NodePaused) == (n.HostName == before.NodeRows[0].HostName) {
				return false
			}
		}
		return true
	})
	stop()
	silent.SetUnreachable(false)
	b.Worker(t, "two")
	d := untilStanding(t, b, id)

	byHand := d.NodeRows[1]
	loopstest.NoError(t, hostOf(b, byHand).ResumeNode(t.Context(), byHand.ID))
	waittest.Until(t, "what was let go on by hand stands again", func() bool {
		log, _, err := b.DB.Core.ProviderLog(t.Context(), b.Provider, store.LogFilter{Verb: "suspend stray machine"})
		loopstest.NoError(t, err)
		return len(log) == 1 && seen(t, b, byHand).State == provisioner.MachinePaused
	})
	if d := untilStanding(t, b, id); d.Held+d.Used != before.Held+before.Used {
		t.Errorf("held and used %d, before %d", d.Held+d.Used, before.Held+before.Used)
	}
	resume(t, b, id)
	d = b.UntilState(t, id, provisioner.ClusterReady)
	for _, n := range d.NodeRows {
		if o := seen(t, b, n); o.State != provisioner.MachineRunning || o.StartID != starts[n.ID] {
			t.Errorf("%s went on as %+v, its start was %s", n.Name, o, starts[n.ID])
		}
	}
	loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	b.UntilState(t, id, provisioner.ClusterGone)
	b.WantNothingLeft(t)
}

// A launch that is paused in its midst goes on to READY.
func TestPauseInALaunch(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 3)
	waittest.Until(t, "a node starts", func() bool {
		for _, n := range b.Cluster(t, id).NodeRows {
			if n.State == provisioner.NodeStarting {
				return true
			}
		}
		return false
	})
	pause(t, b, id)
	waittest.Until(t, "nothing runs", func() bool {
		for _, n := range b.Cluster(t, id).NodeRows {
			if n.State != provisioner.NodePaused && n.State != provisioner.NodeReserved || seen(t, b, n).State == provisioner.MachineRunning {
				return false
			}
		}
		return true
	})
	resume(t, b, id)
	b.UntilState(t, id, provisioner.ClusterReady)
}

// A paused cluster is ended as it stands: its guests are not asked, for they would have to run for it.
func TestEndOfAPause(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 1)
	b.UntilState(t, id, provisioner.ClusterReady)
	for n := 1; n <= 3; n++ {
		b.Host(n).SetDeaf(true) // whoever asked would wait for half a minute
	}
	pause(t, b, id)
	untilStanding(t, b, id)
	loopstest.NoError(t, b.DB.Machines.EndCluster(t.Context(), b.Person, b.Provider, id, "the case is kept"))
	if d := b.UntilState(t, id, provisioner.ClusterStopped); d.Held != 0 || d.BarredWhy != "the case is kept" {
		t.Errorf("ended %+v", d)
	}
}

// What somebody suspends on its host goes on by itself, with a line in the log; what its host halted is lost until it runs.
func TestWhatStandsWithoutAPause(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 1)
	d := b.UntilState(t, id, provisioner.ClusterReady)
	head, other := d.NodeRows[0], d.NodeRows[1]
	loopstest.NoError(t, hostOf(b, head).SuspendNode(t.Context(), head.ID))
	waittest.Until(t, "it goes on", func() bool {
		log, _, err := b.DB.Core.ProviderLog(t.Context(), b.Provider, store.LogFilter{Verb: "let stray machine go on"})
		loopstest.NoError(t, err)
		return len(log) == 1 && seen(t, b, head).State == provisioner.MachineRunning
	})
	b.UntilState(t, id, provisioner.ClusterReady)
	hostOf(b, other).Halt(other.ID, "a disk of the host is full or fails")
	waittest.Until(t, "it is lost", func() bool {
		n := b.Cluster(t, id).NodeRows[1]
		return n.State == provisioner.NodeLost && n.Reason == provisioner.ReasonHalted && n.ReasonDetail == "The host says: a disk of the host is full or fails."
	})
	if o := seen(t, b, other); o.State != provisioner.MachineHalted {
		t.Errorf("what its host halted is %+v", o)
	}
	loopstest.NoError(t, hostOf(b, other).ResumeNode(t.Context(), other.ID))
	b.UntilState(t, id, provisioner.ClusterReady)
}

// TestKilledWorkerPauses kills the worker in the middle of a pause and of its end. Each time another one goes on, every
// machine stands or runs as it is to, and nothing is left behind.
func TestKilledWorkerPauses(t *testing.T) {
	for _, of := range []string{"calls", "sends"} {
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			b := loopstest.NewBench(t)
			for n := 1; ; n++ {
				id := b.Launch(t, fmt.Sprintf("trial-%d", n), 2)
				b.Bring(t, id, provisioner.ClusterReady)
				calls, sends := n, 0
				if of == "sends" {
					calls, sends = 0, eachSend()*n
				}
				pause(t, b, id)
				died := b.Dying(t, "mortal", id, calls, sends)
				stop := b.Worker(t, "healthy")
				untilStanding(t, b, id)
				stop()
				resume(t, b, id)
				died = b.Dying(t, "mortal", id, calls, sends) || died
				b.Bring(t, id, provisioner.ClusterReady)
				loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
				b.Bring(t, id, provisioner.ClusterGone)
				b.WantNothingLeft(t)
				if !died || t.Failed() || testing.Short() && n == 3 {
					t.Logf("killed %d times", n-1)
					return
				}
			}
		})
	}
}
