package memory

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// Exec implements provisioner.Driver. A simulated guest knows hostname, cat, echo, true, false and sleep,
// and its shell the script by which it is told who may sign in.
func (h *Host) Exec(ctx context.Context, id uuid.UUID, c provisioner.Command) (provisioner.CommandResult, error) {
	op := "run a command in node " + id.String()
	c, err := c.Bounded()
	if err != nil {
		return provisioner.CommandResult{}, fmt.Errorf("%s: %w", op, err)
	}
	if err := h.enter(ctx, "Exec", op); err != nil {
		return provisioner.CommandResult{}, err
	}
	m, ok := h.machines[id]
	if !ok {
		h.world.mu.Unlock()
		return provisioner.CommandResult{}, provisioner.ErrNoSuchNode
	}
	answer, takes, err := m.execute(c)
	life := m.life
	h.world.mu.Unlock()
	if err != nil {
		return provisioner.CommandResult{}, fmt.Errorf("%s: %w", op, err)
	}
	over := time.NewTimer(min(takes, c.Limits.Time))
	defer over.Stop()
	select {
	case <-ctx.Done():
		return provisioner.CommandResult{}, ctx.Err()
	case <-life.Done():
		return provisioner.CommandResult{}, fmt.Errorf("%s: %w: it left", op, provisioner.ErrGuestNonsense)
	case <-over.C:
	}
	if takes > c.Limits.Time {
		return provisioner.CommandResult{}, fmt.Errorf("%s: %w: %s", op, provisioner.ErrGuestTime, c.Limits.Time)
	}
	return answer.cut(c.Limits), nil
}

// execute gives what a command says and how long it takes.
func (m *machine) execute(c provisioner.Command) (a executed, takes time.Duration, err error) {
	if !m.shell || m.stands() {
		return a, 0, provisioner.ErrNoAgent
	}
	switch m.agent {
	case AgentMissing, AgentSilent, AgentStrays, AgentBabbles, AgentDrips:
		return a, 0, provisioner.ErrNoAgent
	case AgentFloods, AgentLeaves:
		return a, 0, provisioner.ErrGuestNonsense
	case AgentRefuses:
		return a, 0, fmt.Errorf("%w: the command guest-exec has been disabled", provisioner.ErrGuestRefused)
	case AgentAnswers:
	}
	rest := c.Argv[1:]
	switch c.Argv[0] {
	case "hostname":
		a.out = m.spec.Name + "\n"
	case "cat":
		a.out = string(c.Stdin)
	case "echo":
		a.out = strings.Join(rest, " ") + "\n"
	case "/bin/sh":
		a = m.shellRuns(c.Stdin)
	case "true":
	case "false":
		a.status = 1
	case "sleep":
		seconds, _ := strconv.Atoi(strings.Join(rest, ""))
		takes = time.Duration(seconds) * time.Second
	default:
		a.status, a.err = 127, c.Argv[0]+": a simulated guest knows hostname, cat, echo, true, false and sleep\n"
	}
	return a, takes, nil
}

// executed is what a program did.
type executed struct {
	status   int
	out, err string
}

func (e executed) cut(l provisioner.CommandLimits) provisioner.CommandResult {
	out, err := e.out[:min(len(e.out), l.Stdout)], e.err[:min(len(e.err), l.Stderr)]
	return provisioner.CommandResult{
		Status: e.status, Stdout: []byte(out), Stderr: []byte(err), MoreStdout: len(out) < len(e.out), MoreStderr: len(err) < len(e.err),
	}
}
