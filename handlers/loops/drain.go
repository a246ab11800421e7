package loops

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/machines"
)

// How drains are brought to their end. A claim outlasts the command by drainClaim; a worker that ended gives its claims back, and of
// one that died a person is asked when the time is over.
const (
	drainTick   = 2 * time.Second
	drainClaim  = time.Minute
	drainPlaces = 32
	drainOutput = 4 << 10 // of which the last line is shown
)

// Drainer gives the drain commands of models whose clusters are to shrink, each on its cluster's head by the guest's agent, and once.
// Where one does not end well within its time, or cannot be given, a person is asked: no node is taken from under a job by itself.
type Drainer struct {
	Engine
	Tick time.Duration // between two looks for drains; 0 takes 2 s

	mu    sync.Mutex
	under map[uuid.UUID]bool
}

// Run drains nodes until ctx ends.
func (d *Drainer) Run(ctx context.Context) error {
	d.Tick, d.under = cmp.Or(d.Tick, drainTick), map[uuid.UUID]bool{}
	var all sync.WaitGroup
	defer d.giveBack(context.WithoutCancel(ctx))
	defer all.Wait()
	ticker := time.NewTicker(d.Tick)
	defer ticker.Stop()
	for {
		if err := d.take(ctx, &all); err != nil && ctx.Err() == nil {
			d.Log.ErrorContext(ctx, "claim drains", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// take claims drains for the places that are free, and begins each.
func (d *Drainer) take(ctx context.Context, all *sync.WaitGroup) error {
	d.mu.Lock()
	places := drainPlaces - len(d.under)
	d.mu.Unlock()
	if places <= 0 {
		return nil
	}
	list, err := d.Machines.ClaimDrains(ctx, d.Worker, places, drainClaim)
	if err != nil {
		return err
	}
	for _, c := range list {
		d.mu.Lock()
		d.under[c.ID] = true
		d.mu.Unlock()
		all.Go(func() {
			if err := d.drain(ctx, c); err != nil && ctx.Err() == nil {
				d.Log.ErrorContext(ctx, "drain nodes", "drain", c.ID, "error", err)
			}
			d.mu.Lock()
			delete(d.under, c.ID)
			d.mu.Unlock()
		})
	}
	return nil
}

// drain gives one drain's command and writes down how it ended.
func (d *Drainer) drain(ctx context.Context, c machines.DrainClaim) error {
	var problem string
	switch {
	case c.Left < time.Second:
		problem = "No end of the drain command was seen within its " + drainWords() + "."
	case c.HeadState != provisioner.NodeReady:
		problem = fmt.Sprintf("The drain command runs on the head, and that is %s.", c.HeadState)
	default:
		command := provisioner.Command{Argv: c.Argv, Limits: provisioner.CommandLimits{Time: c.Left, Stdout: drainOutput, Stderr: drainOutput}}
		try, cancel := context.WithTimeout(ctx, c.Left+drainClaim/2)
		defer cancel()
		var result provisioner.CommandResult
		err := d.Hosts.With(try, c.Host, func(driver provisioner.Driver) (err error) {
			result, err = driver.Exec(try, c.Head, command)
			return err
		})
		if ctx.Err() != nil {
			return nil // the worker ends, and gives it back
		}
		_, end := accessEnd(result, err)
		note := machines.GuestCommand{Node: c.Head, Because: "drain of nodes that are to go", Argv: command.Argv, End: end}
		if err := d.Machines.NoteGuestCommand(ctx, note); err != nil {
			return err
		}
		problem = drainProblem(result, err)
	}
	return d.Machines.RecordDrain(ctx, d.Worker, c.ID, problem)
}

// drainProblem says in a sentence why a drain command did not end well; empty where it did.
func drainProblem(r provisioner.CommandResult, err error) string {
	switch {
	case err == nil && r.Status == 0:
		return ""
	case err == nil:
		text := fmt.Sprintf("The drain command ended with status %d", r.Status)
		if said := lastLine(r.Stderr, r.Stdout); said != "" {
			text += ", and said " + typed.Quoted(said)
		}
		return text + "."
	case errors.Is(err, provisioner.ErrGuestTime), errors.Is(err, context.DeadlineExceeded):
		return "The drain command did not end within " + drainWords() + ": jobs may still run on the nodes."
	case errors.Is(err, provisioner.ErrNoAgent), errors.Is(err, provisioner.ErrGuestRefused), errors.Is(err, provisioner.ErrGuestNonsense):
		_, end := accessEnd(r, err)
		return "The drain command could not be given to the head: " + end + "."
	default:
		return "The drain command could not be given to the head: its host did not do it."
	}
}

func drainWords() string {
	return refusal.Plural(int(machines.DrainTime/time.Minute), "minute", "minutes")
}

// lastLine is the last line in which there is anything, of the first output that has one.
func lastLine(outputs ...[]byte) string {
	for _, o := range outputs {
		lines := bytes.Split(bytes.TrimSpace(provisioner.VisibleText(o)), []byte("\n"))
		if last := lines[len(lines)-1]; len(last) > 0 {
			return string(last)
		}
	}
	return ""
}

// giveBack lets others go on at once with what this worker has claimed and did not come to.
func (d *Drainer) giveBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := d.Machines.ReleaseDrains(ctx, d.Worker); err != nil {
		d.Log.ErrorContext(ctx, "give drains back", "error", err)
	}
}
