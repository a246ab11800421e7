package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/acceptance"
	"volary.dev/store/machines"
)

const (
	// agentLimit is what a test waits for an agent: it is one question, and a test has others.
	agentLimit = 5 * time.Second
	// ownAtOnce is how long one look goes on to run the version's own checks before it keeps what they found.
	ownAtOnce = 10 * time.Second
	// ownOutput bounds what is compared of a check's output.
	ownOutput = 64 << 10
)

// askAgent has the head's guest agent run hostname, once in a test, and notes whether it did. It decides nothing: an image needs no
// agent, and what keeps the host from asking now says nothing of the image.
func (f *followed) askAgent(ctx context.Context) error {
	for _, n := range f.work.Nodes {
		if n.Role != provisioner.RoleHead || f.seen.Agent != "" {
			continue
		}
		c := provisioner.Command{Argv: []string{"hostname"}, Limits: provisioner.CommandLimits{Time: agentLimit, Stdout: 256, Stderr: 256}}
		_, err := f.run(ctx, n, c)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			f.seen.Agent = provisioner.AgentAnswers
		case acceptance.OfGuest(err) != nil:
			f.seen.Agent = provisioner.AgentNone
		}
	}
	return nil
}

// run has a node's agent run a command, and writes into the log how that ended.
func (f *followed) run(ctx context.Context, n machines.NodeWork, c provisioner.Command) (provisioner.CommandResult, error) {
	result, err := f.exec(ctx, n, c)
	if ctx.Err() != nil {
		return result, ctx.Err()
	}
	return result, errors.Join(err, f.note(ctx, n, c.Argv, result, err))
}

func (f *followed) exec(ctx context.Context, n machines.NodeWork, c provisioner.Command) (result provisioner.CommandResult, err error) {
	err = f.Hosts.With(ctx, n.Host.Address, func(d provisioner.Driver) (err error) {
		result, err = d.Exec(ctx, n.ID, c)
		return err
	})
	return result, err
}

// note writes into the log how a command ended: once where it ends the same way at every look.
func (f *followed) note(ctx context.Context, n machines.NodeWork, argv []string, result provisioner.CommandResult, err error) error {
	key, end := fmt.Sprintf("%s %q", n.Name, argv), commandEnd(result, err)
	if f.seen.Noted[key] == end {
		return nil
	}
	if err := f.Machines.NoteGuestCommand(ctx, machines.GuestCommand{Node: n.ID, Because: "acceptance test", Argv: argv, End: end}); err != nil {
		return err
	}
	if f.seen.Noted == nil {
		f.seen.Noted = map[string]string{}
	}
	f.seen.Noted[key] = end
	return nil
}

// takeOwn names the version's own checks, a line for each node that it runs on.
func (f *followed) takeOwn() {
	for _, c := range f.work.Model.Checks {
		for _, n := range f.work.Nodes {
			if n.Group.Name == c.Node {
				f.seen.Own = append(f.seen.Own, acceptance.Own{
					Check: c.Name, Node: n.Name, NodeCheck: provisioner.NodeCheck{Node: n.Name, Result: provisioner.ResultPending},
				})
			}
		}
	}
}

// ownRuns are the own checks that this worker runs beside its jobs: a job that waited for a long one would hold a place of its queue.
type ownRuns struct {
	mu  sync.Mutex
	all map[string]*ownRun
}

// ownRun is one of them. What came of it may be read once done is closed.
type ownRun struct {
	done   chan struct{}
	result provisioner.CommandResult
	err    error
	took   time.Duration
}

const (
	// ownPatience is how long a look waits for a check: most are over by then.
	ownPatience = time.Second
	// ownGrace is what a check may take beside its own limit until it is taken for forgotten: its host has to be reached, too.
	ownGrace = time.Minute
)

// of finds a run; nil: there is none here.
func (r *ownRuns) of(key string) *ownRun {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[key]
}

func (r *ownRuns) forget(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, key)
}

// begin runs a command for at most its own limit and ownGrace, whatever becomes of the job; nobody who asks for it within that again begins
// a second one.
func (r *ownRuns) begin(ctx context.Context, key string, limit time.Duration, run func(context.Context) (provisioner.CommandResult, error)) *ownRun {
	o := &ownRun{done: make(chan struct{})}
	r.mu.Lock()
	if r.all == nil {
		r.all = map[string]*ownRun{}
	}
	r.all[key] = o
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit+ownGrace)
	go func() {
		defer cancel()
		began := time.Now()
		o.result, o.err = run(ctx)
		o.took = time.Since(began)
		close(o.done)
		time.AfterFunc(limit+ownGrace, func() { r.forget(key) }) // of a test that ended meanwhile
	}()
	return o
}

// runOwn runs the version's own checks that were not run yet, one after the other, and tells whether all were. One that goes on is left to
// the next look, and one that its host could not ask for is asked for again then.
func (f *followed) runOwn(ctx context.Context) (bool, error) {
	began := time.Now()
	for i := range f.seen.Own {
		o := &f.seen.Own[i]
		if o.Result != provisioner.ResultPending {
			continue
		}
		if time.Since(began) > ownAtOnce {
			return false, nil
		}
		if over, err := f.runOne(ctx, o, fmt.Sprintf("%s %d", f.test.ID, i)); err != nil || !over {
			return false, err
		}
	}
	return true, nil
}

// runOne has one check run, or looks how far it is.
func (f *followed) runOne(ctx context.Context, o *acceptance.Own, key string) (over bool, err error) {
	c, n := f.ownCheck(*o)
	limit := time.Duration(c.TimeoutSeconds) * time.Second
	run := f.own.of(key)
	if run == nil {
		if o.By != f.Worker && !o.Asked.IsZero() && f.work.Now.Sub(o.Asked) < limit+ownGrace {
			return false, nil // another worker has it
		}
		o.Asked, o.By = f.work.Now, f.Worker
		if err := f.report(ctx); err != nil { // before it begins: a check is not run twice at a time
			return false, err
		}
		command := provisioner.Command{Argv: c.Command, Limits: provisioner.CommandLimits{Time: limit, Stdout: ownOutput, Stderr: ownOutput}}
		run = f.own.begin(ctx, key, limit, func(ctx context.Context) (provisioner.CommandResult, error) { return f.exec(ctx, n, command) })
	}
	patience := time.NewTimer(ownPatience)
	defer patience.Stop()
	select {
	case <-run.done:
	case <-patience.C:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
	f.own.forget(key)
	o.Asked, o.By = time.Time{}, ""
	if err := f.note(ctx, n, c.Command, run.result, run.err); err != nil {
		return false, err
	}
	if run.err != nil && acceptance.OfGuest(run.err) == nil {
		return false, run.err
	}
	o.NodeCheck = acceptance.JudgeOwn(c, n.Name, run.result, run.err)
	o.Seconds = run.took.Round(10 * time.Millisecond).Seconds()
	return true, nil
}

func (f *followed) ownCheck(o acceptance.Own) (c provisioner.Check, n machines.NodeWork) {
	for _, check := range f.work.Model.Checks {
		if check.Name == o.Check {
			c = check
		}
	}
	for _, node := range f.work.Nodes {
		if node.Name == o.Node {
			n = node
		}
	}
	return c, n
}

// commandEnd says how a command ended, in words of ours alone: a guest has no say in a log.
func commandEnd(r provisioner.CommandResult, err error) string {
	if err == nil {
		return fmt.Sprintf("status %d", r.Status)
	}
	if known := acceptance.OfGuest(err); known != nil {
		return known.Error()
	}
	if errors.Is(err, provisioner.ErrHostUnreachable) {
		return provisioner.ErrHostUnreachable.Error()
	}
	return "the host refused"
}
