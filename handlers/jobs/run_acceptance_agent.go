package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
)

// agentLimit is what a test waits for an agent: it is one question, and a test has others.
const agentLimit = 5 * time.Second

// askAgent has the head's guest agent run hostname, once in a test, and notes whether it did. It decides nothing: an image needs no
// agent, and what keeps the host from asking now says nothing of the image.
func (f *followed) askAgent(ctx context.Context) error {
	if f.seen.Agent != "" {
		return nil
	}
	for _, n := range f.work.Nodes {
		if n.Role != provisioner.RoleHead {
			continue
		}
		c := provisioner.Command{Argv: []string{"hostname"}, Limits: provisioner.CommandLimits{Time: agentLimit, Stdout: 256, Stderr: 256}}
		var result provisioner.CommandResult
		err := f.Hosts.With(ctx, n.Host.Address, func(d provisioner.Driver) (err error) {
			result, err = d.Exec(ctx, n.ID, c)
			return err
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		end, guests := commandEnd(result, err)
		switch {
		case err == nil:
			f.seen.Agent = provisioner.AgentAnswers
		case guests:
			f.seen.Agent = provisioner.AgentNone
		}
		return f.Machines.NoteGuestCommand(ctx, machines.GuestCommand{Node: n.ID, Because: "acceptance test", Argv: c.Argv, End: end})
	}
	return nil
}

// commandEnd says how a command ended, in words of ours alone: a guest has no say in a log. guests tells of a failure whether it was
// the guest's.
func commandEnd(r provisioner.CommandResult, err error) (end string, guests bool) {
	if err == nil {
		return fmt.Sprintf("status %d", r.Status), false
	}
	for _, known := range []error{provisioner.ErrNoAgent, provisioner.ErrGuestRefused, provisioner.ErrGuestTime, provisioner.ErrGuestNonsense} {
		if errors.Is(err, known) {
			return known.Error(), true
		}
	}
	if errors.Is(err, provisioner.ErrHostUnreachable) {
		return provisioner.ErrHostUnreachable.Error(), false
	}
	return "the host refused", false
}
