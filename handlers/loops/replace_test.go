package loops_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// TestNodesAreReplacedOnce launches while a host refuses, lacks something or falls silent: what never started there runs
// elsewhere with its address and MAC, the hours set aside are the same, and the page says why.
func TestNodesAreReplacedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		spoil, mend func(*loopstest.Bench)
		why         string
	}{
		"refuses": {
			func(b *loopstest.Bench) { b.Host(2).Refuse("EnsureNode", 100, "Cannot allocate memory") },
			func(b *loopstest.Bench) { b.Host(2).Refuse("EnsureNode", 0, "") }, "Cannot allocate memory",
		},
		"lacks": {
			func(b *loopstest.Bench) { b.Host(2).SetLacking("the storage pool volary is not active") },
			func(b *loopstest.Bench) { b.Host(2).SetLacking("") }, "the storage pool volary is not active",
		},
		"silent": {
			func(b *loopstest.Bench) { b.Host(2).SetUnreachable(true) }, func(b *loopstest.Bench) { b.Host(2).SetUnreachable(false) }, "host-2 does not answer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := loopstest.NewBench(t)
			id := b.Launch(t, "trial-1", 3)
			before, held := addresses(t, b, id), b.Cluster(t, id).Held
			c.spoil(b)
			b.Worker(t, "one")
			d := b.UntilState(t, id, provisioner.ClusterReady)
			moved := 0
			for _, n := range d.NodeRows {
				if n.HostName == "host-2" {
					t.Errorf("%s runs on the host that cannot start it", n.Name)
				}
				if n.Moved != "" {
					moved++
				}
				if n.Moved != "" && !strings.Contains(n.Moved, c.why) {
					t.Errorf("%s was placed elsewhere because %q", n.Name, n.Moved)
				}
			}
			if moved == 0 || d.Held+d.Used != held || !slices.Equal(before, addresses(t, b, id)) {
				t.Errorf("%d moved; %v held and used, %v held before; addresses %v, before %v", moved, d.Held+d.Used, held, addresses(t, b, id), before)
			}
			c.mend(b)
			waittest.Until(t, "what is left on the first host is deleted", func() bool {
				return !slices.ContainsFunc(b.Simulated.Leftovers(), func(left string) bool {
					return strings.HasPrefix(left, "host-2") && !strings.Contains(left, "image")
				})
			})
			loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
			b.UntilState(t, id, provisioner.ClusterGone)
			b.WantNothingLeft(t)
		})
	}
}

func addresses(t *testing.T, b *loopstest.Bench, id uuid.UUID) (list []string) {
	t.Helper()
	work, err := b.DB.Machines.ClusterForReconcile(t.Context(), id)
	loopstest.NoError(t, err)
	for _, n := range work.Nodes {
		list = append(list, n.Name+" "+n.Address.String()+" "+n.MAC.String())
	}
	return list
}

// TestAStrayMachineIsStopped starts machines of a stopped cluster by hand. They are stopped, once, with one line each in
// the log, nothing is billed, and the next start is an ordinary one.
func TestAStrayMachineIsStopped(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 2)
	b.UntilState(t, id, provisioner.ClusterReady)
	loopstest.NoError(t, b.DB.Machines.StopCluster(t.Context(), b.Organization, b.Person, id))
	d := b.UntilState(t, id, provisioner.ClusterStopped)
	for _, n := range d.NodeRows {
		for h := 1; h <= 3; h++ {
			b.Host(h).StartByHand(n.ID)
		}
	}
	waittest.Until(t, "a line for each node", func() bool { return strayLines(t, b) == len(d.NodeRows) })
	waittest.Until(t, "every machine off", func() bool {
		for h := 1; h <= 3; h++ {
			o, err := b.Host(h).Observe(t.Context())
			loopstest.NoError(t, err)
			if slices.ContainsFunc(o.Nodes, func(n provisioner.NodeObservation) bool { return n.State == provisioner.MachineRunning }) {
				return false
			}
		}
		return true
	})
	if used := b.Cluster(t, id).Used; used != d.Used || strayLines(t, b) != len(d.NodeRows) {
		t.Errorf("used %v, %v when it was stopped; %d lines", used, d.Used, strayLines(t, b))
	}
	loopstest.NoError(t, b.DB.Machines.StartCluster(t.Context(), b.Organization, b.Person, id, 600))
	b.UntilState(t, id, provisioner.ClusterReady)
}

func strayLines(t *testing.T, b *loopstest.Bench) (n int) {
	t.Helper()
	loopstest.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE verb = 'stop stray machine'`).Scan(&n))
	return n
}

// TestAMachineThatNoRowKnows is written down once and left alone.
func TestAMachineThatNoRowKnows(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 0)
	d := b.UntilState(t, id, provisioner.ClusterReady)
	host := d.NodeRows[0].HostID
	stranger := uuid.Must(uuid.NewV7())
	for h := 1; h <= 3; h++ {
		if b.Hosts[h-1] == host {
			b.Host(h).Adopt(d.NodeRows[0].ID, stranger)
		}
	}
	waittest.Until(t, "a line in the provider's log", func() bool {
		var n int
		loopstest.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE verb = 'see unknown machine' AND provider_id = $1 AND detail->>'machine' = $2`, b.Provider, stranger.String()).Scan(&n))
		return n == 1
	})
	if left := b.Simulated.Leftovers(); !slices.ContainsFunc(left, func(s string) bool { return strings.Contains(s, stranger.String()) }) {
		t.Errorf("it was deleted: %v", left)
	}
}
