package demo

import (
	"container/heap"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/acceptance"
	"volary.dev/store/machines"
	"volary.dev/store/models"
)

// events are what is still to happen, the earliest first.
type events []event

type event struct {
	at  time.Time
	seq int // of two at the same time the one that was planned first
	do  func(context.Context) error
}

func (e events) Len() int      { return len(e) }
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].seq < e[j].seq
}
func (e *events) Push(x any) { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// stage plays what a worker and its hosts would have done: the commands are the real ones, the machines are not.
type stage struct {
	*past
	events events
	seq    int
	live   map[uuid.UUID]map[uuid.UUID]bool // nodes that run, by host
}

// worker is the name that the plays observe under.
const worker = "demo"

// plan lets something happen.
func (s *stage) plan(at time.Time, do func(context.Context) error) {
	s.seq++
	heap.Push(&s.events, event{at.Truncate(time.Second), s.seq, do})
}

// run lets everything happen in order, until the time given.
func (s *stage) run(ctx context.Context, until time.Time) error {
	for len(s.events) > 0 && !s.events[0].at.After(until) {
		e := heap.Pop(&s.events).(event)
		if err := s.set(ctx, e.at); err != nil {
			return err
		}
		if err := e.do(ctx); err != nil {
			return fmt.Errorf("demo at %s: %w", e.at.Format(time.DateTime), err)
		}
	}
	return s.set(ctx, until)
}

// startID is the start identity of every node of the past.
func startID(node uuid.UUID) string { return "demo-" + node.String() }

// start begins the nodes of a launched cluster, as the worker does when it takes it on.
func (s *stage) start(ctx context.Context, cluster uuid.UUID) error {
	work, err := s.db.Machines.ClusterForReconcile(ctx, cluster)
	if err != nil {
		return err
	}
	for _, n := range work.Nodes {
		_, err := s.db.Machines.SetNode(ctx, n.ID, []provisioner.NodeState{provisioner.NodeReserved}, provisioner.NodeStarting, "", "")
		if err != nil {
			return err
		}
	}
	return nil
}

// ready marks a cluster ready whose nodes have started.
func (s *stage) ready(ctx context.Context, cluster uuid.UUID) error {
	work, err := s.db.Machines.ClusterForReconcile(ctx, cluster)
	if err != nil {
		return err
	}
	evidence := map[uuid.UUID]machines.Evidence{}
	for _, n := range work.Nodes {
		evidence[n.ID] = machines.Evidence{StartID: startID(n.ID), Kind: string(n.Group.Gate.Kind), Detail: n.Group.Gate.Text, At: s.at}
		if s.live[n.Host.ID] == nil {
			s.live[n.Host.ID] = map[uuid.UUID]bool{}
		}
		s.live[n.Host.ID][n.ID] = true
	}
	ok, err := s.db.Machines.MarkNodesReady(ctx, cluster, work.Generation, evidence)
	if err == nil && !ok {
		return fmt.Errorf("cluster %s did not become ready", cluster)
	}
	return err
}

// observe records a round of every host that carries something.
func (s *stage) observe(ctx context.Context) error {
	if _, err := s.db.Machines.ClaimHosts(ctx, worker, pastRound); err != nil {
		return err
	}
	for host, nodes := range s.live {
		if len(nodes) == 0 {
			continue
		}
		var o provisioner.Observation
		for node := range nodes {
			o.Nodes = append(o.Nodes, provisioner.NodeObservation{ID: node, State: provisioner.MachineRunning, StartID: startID(node)})
		}
		if _, err := s.db.Machines.RecordRound(ctx, host, worker, s.at, o); err != nil {
			return err
		}
	}
	return nil
}

// gone plays the end of a cluster that is to be gone, and gives its claim back reconciled.
func (s *stage) gone(ctx context.Context, cluster uuid.UUID) error {
	work, err := s.db.Machines.ClusterForReconcile(ctx, cluster)
	if err != nil {
		return err
	}
	for _, n := range work.Nodes {
		delete(s.live[n.Host.ID], n.ID)
	}
	if err := s.db.Machines.MarkNodesGone(ctx, cluster); err != nil {
		return err
	}
	if _, err := s.db.Machines.ClaimClusters(ctx, worker, 100, time.Minute); err != nil {
		return err
	}
	return s.db.Machines.ReleaseClaim(ctx, cluster, worker, work.Generation, 0)
}

// test plays an acceptance test to its end. broken lets the gate's text never appear.
func (s *stage) test(ctx context.Context, orgID, person, version, pool uuid.UUID, broken bool) error {
	id, err := s.db.Machines.StartAcceptanceTest(ctx, orgID, person, version, pool)
	if err != nil {
		return err
	}
	t, err := s.db.Models.TestForWorker(ctx, id)
	if err != nil {
		return err
	}
	s.plan(s.at.Add(2*time.Second), func(ctx context.Context) error { return s.start(ctx, t.ClusterID) })
	if broken {
		s.plan(s.at.Add(3*time.Minute), func(ctx context.Context) error { return s.judge(ctx, t, true) })
		return nil
	}
	s.plan(s.at.Add(9*time.Second), func(ctx context.Context) error { return s.ready(ctx, t.ClusterID) })
	s.plan(s.at.Add(31*time.Second), func(ctx context.Context) error { return s.judge(ctx, t, false) })
	return nil
}

func (s *stage) judge(ctx context.Context, t models.AcceptanceTest, broken bool) error {
	work, err := s.db.Machines.ClusterForReconcile(ctx, t.ClusterID)
	if err != nil {
		return err
	}
	r := acceptance.Judge(s.evidence(work, t.Nonce, broken))
	if err := s.db.Models.FinishAcceptanceTest(ctx, t.ID, r.Passed(), r); err != nil {
		return err
	}
	s.plan(s.at.Add(2*time.Second), func(ctx context.Context) error { return s.gone(ctx, t.ClusterID) })
	return nil
}

// evidence is what a test's nodes would have shown.
func (s *stage) evidence(work machines.ClusterWork, nonce string, broken bool) acceptance.Evidence {
	e := acceptance.Evidence{Nonce: nonce, Over: true}
	head := work.Nodes[0].Address
	for i, n := range work.Nodes {
		up, told := n.StartedAt.Add(time.Duration(3+i)*time.Second), n.StartedAt.Add(time.Duration(5+i)*time.Second)
		node := acceptance.Node{
			Name: n.Name, Role: n.Role, Host: n.Host.Name, Address: n.Address, StartedAt: *n.StartedAt,
			Booted: up, Leased: up, Reported: told, Located: told, MAC: n.MAC.String(), Gate: n.Group.Gate.Kind,
			Identity: acceptance.Identity{
				Hostname: n.Name, MachineID: n.ID.String(), SSHKey: "SHA256:" + n.ID.String(), Address: n.Address.String(), MAC: n.MAC.String(),
			},
		}
		for _, other := range work.Nodes {
			if other.ID != n.ID {
				node.Peers = append(node.Peers, acceptance.Peer{Name: other.Name, Address: other.Address.String(), Milliseconds: fmt.Sprintf("0.%d", 41+7*i), Back: other.Name})
			}
		}
		node.PeersAt = told
		console := n.Name + " login: \r\n"
		if n.Role == provisioner.RoleCompute {
			console += fmt.Sprintf("%s %s head reached %s\r\n", provisioner.GuestCheckPrefix, nonce, head)
		}
		if !broken {
			console += readyText + "\r\n"
			node.SignIn = acceptance.SignIn{At: told, Done: true, Took: 1.2}
			node.AskedOff, node.Off = s.at.Add(-12*time.Second), s.at.Add(-9*time.Second)
			node.Again, node.AgainIdentity = s.at, node.Identity
			host := e.Host(n.Host.Name)
			host.Network = &provisioner.NetworkReport{Dropped: 1, By: map[string]uint64{"sealed": 1}}
			host.Images = []acceptance.ImageEvidence{{Digest: n.ImageDigest, Is: n.ImageDigest, Took: 0.4}}
		}
		node.Console = []byte(console)
		e.Nodes = append(e.Nodes, node)
	}
	if broken {
		e.Why = fmt.Sprintf("The gate was not met in time: %q did not appear on the console of every node.", missingText)
		return e
	}
	e.ReadyAt = work.Nodes[0].StartedAt.Add(7 * time.Second)
	e.AskedAgain = s.at.Add(-8 * time.Second)
	return e
}
