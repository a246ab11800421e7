package tryout

import (
	"context"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// end powers the cluster off, looks at what is left, and boots it a second time. Whoever interrupts meanwhile breaks that boot off, and
// loses nothing of what was seen before.
func (t *Trial) end(ctx context.Context, d provisioner.Driver) error {
	whole := context.WithoutCancel(ctx)
	if err := t.shutDown(whole, d); err != nil {
		return err
	}
	t.hashImages(whole, d)
	if t.seen.NoSecond == "" {
		t.seen.NoSecond = t.seen.Unfit()
	}
	if t.seen.NoSecond == "" && ctx.Err() != nil {
		t.seen.NoSecond = "The trial was interrupted."
	}
	if t.seen.NoSecond != "" {
		return nil
	}
	return t.bootAgain(ctx, d)
}

// shutDown presses every power button, and ends what is not off in time.
func (t *Trial) shutDown(ctx context.Context, d provisioner.Driver) error {
	asked := time.Now()
	for i, n := range t.nodes {
		t.seen.Nodes[i].AskedOff = asked
		if err := d.StopNode(ctx, n.ID, false); err != nil {
			return err
		}
	}
	t.tell("every node is asked to power off")
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		// The consoles are read to their end: what a first boot said is not to be taken for the second's.
		machines, err := t.look(ctx, d)
		if err != nil {
			return err
		}
		if t.allOff(machines) {
			return nil
		}
		if time.Since(asked) > t.patience {
			t.force(ctx, d)
			return nil
		}
		<-tick.C
	}
}

// allOff notes which nodes are off.
func (t *Trial) allOff(machines map[uuid.UUID]provisioner.NodeObservation) bool {
	all := true
	for i, n := range t.nodes {
		if s := machines[n.ID].State; s != provisioner.MachineOff && s != provisioner.MachineCrashed {
			all = false
			continue
		}
		if t.seen.Nodes[i].Off.IsZero() {
			t.seen.Nodes[i].Off = time.Now()
			t.tell("%s is off", n.Name)
		}
	}
	return all
}

func (t *Trial) force(ctx context.Context, d provisioner.Driver) {
	for i, n := range t.nodes {
		if t.seen.Nodes[i].Off.IsZero() {
			t.seen.Nodes[i].Off, t.seen.Nodes[i].Forced = time.Now(), true
			t.tell("%s did not power off within %s and is ended", n.Name, t.patience)
			_ = d.StopNode(ctx, n.ID, true) // it is deleted next
		}
	}
}

// bootAgain starts the machines a second time, with the same disks, and looks on until every guest told who it is now, or should have.
func (t *Trial) bootAgain(ctx context.Context, d provisioner.Driver) error {
	t.seen.AskedAgain = time.Now()
	for _, n := range t.nodes {
		spec, err := t.plan.Node(n.ID)
		if err != nil {
			return err
		}
		if err := d.EnsureNode(ctx, spec); err != nil {
			return err
		}
	}
	t.tell("every node boots a second time")
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		machines, err := t.look(ctx, d)
		if err != nil {
			return err
		}
		if t.seen.ToldAgain() || t.lateAgain(machines) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// lateAgain tells whether what a second boot has not shown will not come any more.
func (t *Trial) lateAgain(machines map[uuid.UUID]provisioner.NodeObservation) bool {
	if !t.again.IsZero() && time.Since(t.again) > reportGrace {
		return true
	}
	for i, n := range t.nodes {
		gate := time.Duration(t.plan.Gate(n.ID).TimeoutSeconds) * time.Second
		if machines[n.ID].State != provisioner.MachineRunning || !t.gates[i].met && t.again.IsZero() && time.Since(t.seen.AskedAgain) > gate {
			return true
		}
	}
	return false
}
