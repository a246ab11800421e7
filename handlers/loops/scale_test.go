package loops_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// scale has a cluster's compute nodes be so many, without those that are named where there are to be fewer.
func scale(t *testing.T, b *loopstest.Bench, id uuid.UUID, count int, without ...string) machines.Scaled {
	t.Helper()
	r := machines.ScaleRequest{Group: "compute", Count: count}
	for _, n := range b.Cluster(t, id).NodeRows {
		if slices.Contains(without, n.Name) {
			r.Nodes = append(r.Nodes, n.ID)
		}
	}
	done, err := b.DB.Machines.ScaleCluster(t.Context(), b.Organization, b.Person, id, r)
	loopstest.NoError(t, err)
	return done
}

// untilNodes waits until these and no others are the cluster's nodes, all of them ready.
func untilNodes(t *testing.T, b *loopstest.Bench, id uuid.UUID, names ...string) {
	t.Helper()
	var have []string
	defer func() {
		if t.Failed() {
			t.Logf("the cluster has %v, wanted %v", have, names)
		}
	}()
	waittest.Until(t, strings.Join(names, ", "), func() bool {
		have = nil
		d := b.Cluster(t, id)
		for _, n := range d.NodeRows {
			have = append(have, n.Name)
		}
		return slices.Equal(have, names) && d.ReadyNodes == len(names)
	})
}

// knows asserts that each host which carries a node has the addresses of these nodes and of no others, and the others' hosts for peers.
func knows(t *testing.T, b *loopstest.Bench, id uuid.UUID, names ...string) {
	t.Helper()
	waittest.Until(t, "every host to know "+strings.Join(names, ", "), func() bool {
		work, err := b.DB.Machines.ClusterForReconcile(t.Context(), id)
		loopstest.NoError(t, err)
		for _, n := range work.Nodes {
			var number int
			_, _ = fmt.Sscanf(n.Host.Name, "host-%d", &number)
			made, ok := b.Host(number).Network(work.VNI)
			var known []string
			for _, e := range made.Entries {
				known = append(known, e.Name)
				if e.Host != n.Host.Underlay && !slices.Contains(made.Peers, e.Host) {
					return false
				}
			}
			if slices.Sort(known); !ok || !slices.Equal(known, slices.Sorted(slices.Values(names))) {
				return false
			}
		}
		return true
	})
}

func TestAClusterGrowsAndShrinks(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "one", 1)
	before := b.UntilState(t, id, provisioner.ClusterReady)
	scale(t, b, id, 4)
	untilNodes(t, b, id, "head", "compute-001", "compute-002", "compute-003", "compute-004")
	knows(t, b, id, "head", "compute-001", "compute-002", "compute-003", "compute-004")
	if d := b.Cluster(t, id); !d.LeaseEndsAt.Equal(*before.LeaseEndsAt) || !d.ReadyAt.Equal(*before.ReadyAt) || d.SSHPort != before.SSHPort || d.Held+d.Used > 5*billing.ComputeHour {
		t.Errorf("grown %+v", d)
	}
	scale(t, b, id, 2, "compute-001", "compute-004")
	untilNodes(t, b, id, "head", "compute-002", "compute-003")
	knows(t, b, id, "head", "compute-002", "compute-003")
	scale(t, b, id, 3)
	untilNodes(t, b, id, "head", "compute-001", "compute-002", "compute-003")
	loopstest.NoError(t, b.DB.Machines.StopCluster(t.Context(), b.Organization, b.Person, id))
	if d := b.UntilState(t, id, provisioner.ClusterStopped); d.Held != 0 {
		t.Errorf("%s are held while it is stopped", d.Held)
	}
	loopstest.NoError(t, b.DB.Machines.StartCluster(t.Context(), b.Organization, b.Person, id, 3600))
	b.UntilState(t, id, provisioner.ClusterReady)
	untilNodes(t, b, id, "head", "compute-001", "compute-002", "compute-003")
	loopstest.NoError(t, b.DB.Machines.DeleteCluster(t.Context(), b.Organization, b.Person, id))
	b.UntilState(t, id, provisioner.ClusterGone)
	b.WantNothingLeft(t)
}

// A scale that fails takes its own nodes and hours with it, its cluster runs on, and who works with it is told why.
func TestAScaleThatFails(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "one", 2)
	before := b.UntilState(t, id, provisioner.ClusterReady)
	for h := 1; h <= 3; h++ {
		b.Host(h).Refuse("EnsureNode", 1000, "Cannot allocate memory")
	}
	scale(t, b, id, 4)
	waittest.Until(t, "the nodes to be given up", func() bool {
		s := b.Cluster(t, id).Scaling.Batch
		return s != nil && s.EndedAt != nil && strings.Contains(s.ReasonDetail, "Cannot allocate memory")
	})
	untilNodes(t, b, id, "head", "compute-001", "compute-002")
	knows(t, b, id, "head", "compute-001", "compute-002")
	d := b.UntilState(t, id, provisioner.ClusterReady)
	if d.Held+d.Used != before.Held+before.Used || !d.LeaseEndsAt.Equal(*before.LeaseEndsAt) {
		t.Errorf("after it %+v", d)
	}
	if to := storetest.MailsTo(t, b.Pool, "scale_failed"); !slices.Equal(to, []string{storetest.Email}) {
		t.Errorf("told are %v", to)
	}
	for h := 1; h <= 3; h++ {
		b.Host(h).Refuse("EnsureNode", 0, "")
	}
	scale(t, b, id, 3)
	untilNodes(t, b, id, "head", "compute-001", "compute-002", "compute-003")
}

// A host that falls silent as a cluster grows costs it the nodes there, and not those that are to come.
func TestAHostIsLostBesideAScale(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "one", 2)
	d := b.UntilState(t, id, provisioner.ClusterReady)
	lost := d.NodeRows[2]
	var number int
	_, _ = fmt.Sscanf(lost.HostName, "host-%d", &number)
	b.Host(number).SetUnreachable(true)
	scale(t, b, id, 4)
	waittest.Until(t, "two more nodes on other hosts", func() bool {
		d := b.Cluster(t, id)
		for _, n := range d.NodeRows[3:] {
			if n.State != provisioner.NodeReady || n.HostName == lost.HostName {
				return false
			}
		}
		return d.State == provisioner.ClusterDegraded && len(d.NodeRows) == 5
	})
	scale(t, b, id, 3, lost.Name) // what is lost may go, too; its host says so when it answers
	b.Host(number).SetUnreachable(false)
	untilNodes(t, b, id, "head", "compute-001", "compute-003", "compute-004")
}

// Nodes go when the model's drain command has ended well; else when a person says so.
func TestNodesAreDrained(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		spoil   func(*loopstest.Bench, uuid.UUID)
		problem string // empty: it goes
	}{
		"well":      {"true", nil, ""},
		"badly":     {"false", nil, "The drain command ended with status 1."},
		"not there": {"drain", nil, "The drain command ended with status 127, and said “"},
		"no agent": {"true", func(b *loopstest.Bench, head uuid.UUID) {
			for h := 1; h <= 3; h++ {
				b.Host(h).SetAgent(head, memory.AgentMissing)
			}
		}, "The drain command could not be given to the head: no agent in the guest answers."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := loopstest.NewBench(t)
			v := storetest.Draft(b.Model, b.Image, "2.0", provisioner.Count{Most: 4}, provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 60})
			v.Model.Commands.Drain = []string{c.command}
			version, err := b.DB.Models.SaveVersion(t.Context(), b.Organization, b.Person, v)
			loopstest.NoError(t, err)
			loopstest.NoError(t, b.DB.Models.PublishVersion(t.Context(), b.Organization, b.Person, version, 1))
			b.Version = version
			b.Worker(t, "one")
			id := b.Launch(t, "one", 2)
			d := b.UntilState(t, id, provisioner.ClusterReady)
			if c.spoil != nil {
				c.spoil(b, d.NodeRows[0].ID)
			}
			if done := scale(t, b, id, 1); !done.Drains {
				t.Errorf("scaled %+v", done)
			}
			if c.problem != "" {
				var asked *machines.Drain
				waittest.Until(t, "a person is asked", func() bool {
					asked = b.Cluster(t, id).Scaling.Drain
					return asked != nil && asked.AskedAt != nil
				})
				if !strings.HasPrefix(asked.Problem, c.problem) || b.Cluster(t, id).ReadyNodes != 3 {
					t.Errorf("asked: %q, want %q", asked.Problem, c.problem)
				}
				if to := storetest.MailsTo(t, b.Pool, "scale_failed"); !slices.Equal(to, []string{storetest.Email}) {
					t.Errorf("told are %v", to)
				}
				loopstest.NoError(t, b.DB.Machines.AnswerDrain(t.Context(), b.Organization, b.Person, id, asked.ID, true))
			}
			untilNodes(t, b, id, "head", "compute-001")
			knows(t, b, id, "head", "compute-001")
		})
	}
}
