//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/guestagent"
)

const (
	// agentPatience is how long an agent may take for one answer, and before that to show that it is there. What it runs goes on
	// meanwhile: the agent of a guest that is emulated on a busy host answers in less.
	agentPatience = 5
	// suspicion is how long an agent that let a call wait is spoken to beside no other such one.
	suspicion = 10 * time.Minute
)

// Exec implements provisioner.Driver.
func (d *Driver) Exec(ctx context.Context, id uuid.UUID, c provisioner.Command) (provisioner.CommandResult, error) {
	op := "run a command in node " + id.String()
	c, err := c.Bounded()
	if err != nil {
		return provisioner.CommandResult{}, fmt.Errorf("%s: %w", op, err)
	}
	mine, cancel := context.WithTimeout(ctx, c.Limits.Time)
	defer cancel()
	r, err := d.exec(mine, op, id, c)
	if err != nil && mine.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w: %s", op, provisioner.ErrGuestTime, c.Limits.Time)
	}
	return r, err
}

func (d *Driver) exec(ctx context.Context, op string, id uuid.UUID, c provisioner.Command) (r provisioner.CommandResult, err error) {
	h, err := d.holdFor(ctx, d.agents, "agent "+id.String(), op)
	if err != nil {
		return r, err
	}
	defer h.release()
	leave, err := d.suspects.enter(ctx, id)
	if err != nil {
		return r, fmt.Errorf("%s: %w", op, err)
	}
	unlock := h.unlock
	h.unlock = func() { leave(); unlock() } // not before the last call is over, which may be later than this one
	a := &agent{held: h, id: id, suspects: &d.suspects}
	if r, err = guestagent.Run(ctx, op, c, a.ask); err != nil && errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%s: %w", op, gaveUp(ctx))
	}
	return r, err
}

// suspects are nodes whose agents let a call wait until its time was over, and when. However many they are, they get one of a
// host's agentsAtOnce calls, so that the agents of others are spoken to beside them.
type suspects struct {
	one chan struct{}

	mu    sync.Mutex
	since map[uuid.UUID]time.Time
}

// enter waits for a suspect's turn; others have none to wait for.
func (s *suspects) enter(ctx context.Context, id uuid.UUID) (leave func(), err error) {
	s.mu.Lock()
	for other, since := range s.since {
		if time.Since(since) > suspicion {
			delete(s.since, other)
		}
	}
	_, suspect := s.since[id]
	s.mu.Unlock()
	if !suspect {
		return func() {}, nil
	}
	select {
	case s.one <- struct{}{}:
		return func() { <-s.one }, nil
	case <-ctx.Done():
		return nil, gaveUp(ctx)
	}
}

// note remembers how long an agent let a call wait.
func (s *suspects) note(id uuid.UUID, waited time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.since, id); waited > slow {
		s.since[id] = time.Now()
	}
}

// agent is one node's.
type agent struct {
	held     *held
	id       uuid.UUID
	suspects *suspects
}

// ask asks the agent one thing. What it answers has at most the 4 MiB that libvirt hands on.
func (a *agent) ask(ctx context.Context, question string, there bool) (answer string, err error) {
	err = a.held.call(ctx, func(conn *libvirt.Connect) error {
		return withNode(conn, a.id, func(dom *libvirt.Domain) (err error) {
			begun := time.Now()
			defer func() { a.suspects.note(a.id, time.Since(begun)) }()
			answer, err = dom.QemuAgentCommand(question, agentPatience, 0)
			return told(conn, err, there)
		})
	})
	return answer, err
}

// told gives what libvirt says of an agent the types of the contract. It says so by many codes, some of them those of its own
// failures: an answer that has no end, one of more than libvirt hands on, one that is no JSON. As long as the host is there it is the
// guest's fault.
func told(conn *libvirt.Connect, err error, there bool) error {
	var e libvirt.Error
	if !errors.As(err, &e) {
		return err
	}
	if alive, aliveErr := conn.IsAlive(); !alive || aliveErr != nil {
		return err
	}
	kind := provisioner.ErrNoAgent
	switch {
	case e.Code == libvirt.ERR_AGENT_COMMAND_FAILED:
		kind = provisioner.ErrGuestRefused
	case there:
		kind = provisioner.ErrGuestNonsense
	}
	return fmt.Errorf("%w: %s", kind, guestagent.Words(e.Message))
}
