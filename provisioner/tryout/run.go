package tryout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/acceptance"
	judge "volary.dev/provisioner/gate"
)

// How a trial is followed: as package handlers/jobs follows a test.
const (
	between     = 200 * time.Millisecond // two looks
	reportGrace = 2*time.Minute + 10*time.Second
	// cleanGrace is what ending and deleting everything may take, also after the trial was interrupted.
	cleanGrace = time.Minute
)

// Run makes the cluster, watches it, and leaves nothing of it on the host. The report is what was found until then; with an error nothing
// was found out about the model: the host failed, or ctx ended.
func (t *Trial) Run(ctx context.Context, d provisioner.Driver) (r provisioner.Report, err error) {
	t.begun = time.Now()
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanGrace)
		defer cancel()
		err = errors.Join(err, t.clean(clean, d))
	}()
	if err := t.make(ctx, d); err != nil {
		return acceptance.Judge(t.seen), err
	}
	if err := t.follow(ctx, d); err != nil {
		return acceptance.Judge(t.seen), err
	}
	if t.seen.Why == "" {
		err = t.end(ctx, d)
	}
	t.seen.Over = true
	return acceptance.Judge(t.seen), err
}

func (t *Trial) tell(format string, args ...any) {
	t.options.Tell(time.Since(t.begun), fmt.Sprintf(format, args...))
}

// once tells something one time.
func (t *Trial) once(format string, args ...any) {
	if what := fmt.Sprintf(format, args...); !t.told[what] {
		t.told[what] = true
		t.tell("%s", what)
	}
}

func (t *Trial) make(ctx context.Context, d provisioner.Driver) error {
	if err := d.EnsureNetwork(ctx, t.plan.Network(t.options.Host, true)); err != nil {
		return err
	}
	for i, n := range t.nodes {
		spec, err := t.plan.Node(n.ID)
		if err != nil {
			return err
		}
		if err := d.EnsureNode(ctx, spec); err != nil {
			return err
		}
		t.seen.Nodes[i].StartedAt = time.Now()
		t.tell("%s is made and boots: %s", n.Name, n.Address)
	}
	return nil
}

// clean leaves nothing.
func (t *Trial) clean(ctx context.Context, d provisioner.Driver) error {
	var errs []error
	for _, n := range t.nodes {
		errs = append(errs, d.DeleteNode(ctx, n.ID, false))
	}
	return errors.Join(append(errs, d.DeleteNetwork(ctx, t.vni))...)
}

// follow looks on until everything that guests report was seen, is not to be expected any more, or the cluster ended.
func (t *Trial) follow(ctx context.Context, d provisioner.Driver) error {
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		o, err := t.look(ctx, d)
		if err != nil {
			return err
		}
		t.seen.Why = t.ended(o)
		if t.seen.Why != "" {
			return nil
		}
		if !t.seen.ReadyAt.IsZero() && (t.seen.Told() || time.Since(t.seen.ReadyAt) > reportGrace) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	if err := t.visit(ctx, d); err != nil {
		return err
	}
	// Whoever went off meanwhile did not power off because it was asked to.
	o, err := t.look(ctx, d)
	if err != nil {
		return err
	}
	if t.seen.Why = t.ended(o); t.seen.Why == "" && t.options.Keep != nil {
		t.options.Keep(t)
		t.seen.NoSecond = "The cluster was kept running, and who was on it may have changed its disks: run it without --keep."
	}
	return nil
}

// look takes in what the host says. Whether nodes are ready is package gate's to judge, as in a deployment.
func (t *Trial) look(ctx context.Context, d provisioner.Driver) (map[uuid.UUID]provisioner.NodeObservation, error) {
	addresses, err := d.Addresses(ctx, t.vni)
	if err != nil {
		return nil, err
	}
	queries := make([]provisioner.ConsoleQuery, 0, len(t.nodes))
	for i, n := range t.nodes {
		queries = append(queries, t.seen.Nodes[i].Query(n.ID, t.seen.Nonce))
	}
	texts, err := d.Consoles(ctx, queries)
	if err != nil {
		return nil, err
	}
	judged, err := t.judge(ctx, d)
	if err != nil {
		return nil, err
	}
	machines := make(map[uuid.UUID]provisioner.NodeObservation, len(judged))
	for i, n := range t.nodes {
		given := addresses[strings.ToLower(n.MAC.String())]
		if t.seen.AskedAgain.IsZero() {
			t.seen.Nodes[i].Look(t.seen.Nonce, given, texts[i], time.Now())
		} else {
			t.seen.Nodes[i].LookAgain(t.seen.Nonce, texts[i], time.Now())
		}
		machines[n.ID] = judged[n.ID].Machine
		t.passGate(i, judged[n.ID])
		t.tellOf(i)
	}
	t.judgeReady()
	return machines, nil
}

// judge looks at the gates. An agent or a port is asked until it was met once: what answers is not asked again and again while the
// cluster is tested.
func (t *Trial) judge(ctx context.Context, d provisioner.Driver) (map[uuid.UUID]judge.Seen, error) {
	w := judge.Watch{VNI: t.vni, Turn: t.looks}
	t.looks++
	for i, n := range t.nodes {
		g := t.plan.Gate(n.ID)
		if t.gates[i].met && (g.Kind == provisioner.GateAgent || g.Kind == provisioner.GatePort) {
			g = provisioner.Gate{}
		}
		w.Nodes = append(w.Nodes, judge.Node{ID: n.ID, Address: n.Address, MAC: n.MAC, Gate: g, After: t.gates[i].searched})
	}
	return w.Look(ctx, d)
}

// passGate takes what was seen of a node's gate, of the start of its machine that runs now.
func (t *Trial) passGate(i int, s judge.Seen) {
	g := &t.gates[i]
	if s.Searched != "" {
		g.searched = s.Searched
	}
	g.waits = s.Waits
	switch m := s.Machine; {
	case m.State != provisioner.MachineRunning:
		g.met = false
	case s.Met:
		g.met, g.startID = true, m.StartID
	case m.StartID != g.startID:
		g.met = false
	}
}

func (t *Trial) judgeReady() {
	for _, g := range t.gates {
		if !g.met {
			return
		}
	}
	switch {
	case t.seen.ReadyAt.IsZero():
		t.seen.ReadyAt = time.Now()
		t.tell("the cluster is ready")
	case !t.seen.AskedAgain.IsZero() && t.again.IsZero():
		t.again = time.Now()
	}
}

// tellOf tells what was seen of a node for the first time.
func (t *Trial) tellOf(i int) {
	n := t.seen.Nodes[i]
	if !n.Leased.IsZero() {
		t.once("%s took its address", n.Name)
	}
	if t.gates[i].met {
		t.once("%s met its gate", n.Name)
	}
	if !n.Reported.IsZero() {
		t.once("%s reported: %s", n.Name, n.Identity)
	}
	if !n.PeersAt.IsZero() {
		t.once("%s told of every other node", n.Name)
	}
	if !n.Again.IsZero() {
		t.once("%s reported at its second boot", n.Name)
	}
}

// ended says why the cluster came to its end; empty: it did not.
func (t *Trial) ended(machines map[uuid.UUID]provisioner.NodeObservation) string {
	for i, n := range t.nodes {
		g := t.plan.Gate(n.ID)
		switch m := machines[n.ID]; {
		case m.State == provisioner.MachineHalted:
			return fmt.Sprintf("The cluster ended: %s. %s: %s.", provisioner.ReasonText(provisioner.ReasonHalted), n.Name, m.Why)
		case m.State != provisioner.MachineRunning && m.State != provisioner.MachinePaused:
			return fmt.Sprintf("The cluster ended: %s. It was %s.", provisioner.ReasonText(provisioner.ReasonGuestOff), n.Name)
		case !t.gates[i].met && t.seen.ReadyAt.IsZero() && time.Since(t.seen.Nodes[i].StartedAt) > time.Duration(g.TimeoutSeconds)*time.Second:
			return fmt.Sprintf("The cluster ended: %s. After %d seconds %s waits for %s.",
				provisioner.ReasonText(provisioner.ReasonGateMissed), g.TimeoutSeconds, n.Name, cmp.Or(t.gates[i].waits, g.Awaits()))
		}
	}
	return ""
}
