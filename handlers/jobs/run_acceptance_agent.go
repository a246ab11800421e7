package jobs

import (
	"context"
	"errors"
	"fmt"
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

// run has a node's agent run a command, and writes into the log how that ended: once where it ends the same way at every look.
func (f *followed) run(ctx context.Context, n machines.NodeWork, c provisioner.Command) (result provisioner.CommandResult, err error) {
	err = f.Hosts.With(ctx, n.Host.Address, func(d provisioner.Driver) (err error) {
		result, err = d.Exec(ctx, n.ID, c)
		return err
	})
	if ctx.Err() != nil {
		return result, ctx.Err()
	}
	key, end := fmt.Sprintf("%s %q", n.Name, c.Argv), commandEnd(result, err)
	if f.seen.Noted[key] == end {
		return result, err
	}
	noteErr := f.Machines.NoteGuestCommand(ctx, machines.GuestCommand{Node: n.ID, Because: "acceptance test", Argv: c.Argv, End: end})
	if noteErr == nil {
		if f.seen.Noted == nil {
			f.seen.Noted = map[string]string{}
		}
		f.seen.Noted[key] = end
	}
	return result, errors.Join(err, noteErr)
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

// runOwn runs the version's own checks that were not run yet, and tells whether all were. One that its host could not ask for is
// asked for again at the next look.
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
		c, n := f.ownCheck(*o)
		asked := time.Now()
		result, err := f.run(ctx, n, provisioner.Command{
			Argv: c.Command, Limits: provisioner.CommandLimits{Time: time.Duration(c.TimeoutSeconds) * time.Second, Stdout: ownOutput, Stderr: ownOutput},
		})
		if err != nil && acceptance.OfGuest(err) == nil {
			return false, err
		}
		o.NodeCheck = acceptance.JudgeOwn(c, n.Name, result, err)
		o.Seconds = time.Since(asked).Round(10 * time.Millisecond).Seconds()
	}
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
