//go:build libvirt

package libvirt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
)

const (
	// agentPatience is how long an agent may take for one answer, and before that to show that it is there. What it runs goes on
	// meanwhile: the agent of a guest that is emulated on a busy host answers in less.
	agentPatience = 5
	// A running command is asked for at first after firstLook, and then less and less often.
	firstLook, lastLook = 30 * time.Millisecond, time.Second
	mostAgentWords      = 300 // bytes of a refusal
	// suspicion is how long an agent that let a call wait is spoken to beside no other such one.
	suspicion = 10 * time.Minute
)

// guestScript runs "$@" in the guest and keeps no more of what it writes than was asked for; the rest is read and dropped, so that
// the program goes on. It is the same for every command: what is to be run is its arguments, of which it reads none as text of a
// shell. 3 carries the status, 4 what goes to the second head, 5 and 6 are the agent's own.
const guestScript = `o=$1 e=$2 t=$3
shift 3
command -v timeout >/dev/null 2>&1 && set -- timeout -s KILL "$t" "$@"
exec 5>&1 6>&2
s=$(
	exec 3>&1
	{
		{ "$@" 2>&4 3>&- 4>&- 5>&- 6>&-; echo "$?" >&3; } 2>&4 | { head -c "$o" >&5; cat >/dev/null; } 3>&- 4>&-
	} 4>&1 | { head -c "$e" >&6; cat >/dev/null; } 3>&-
)
exit "${s:-126}"`

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
	return (&agent{held: h, id: id, suspects: &d.suspects}).run(ctx, c)
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
	held  *held
	id    uuid.UUID
	there bool // it has answered: what fails from now on may have been done

	suspects *suspects
}

func (a *agent) run(ctx context.Context, c provisioner.Command) (provisioner.CommandResult, error) {
	if err := a.ask(ctx, "guest-ping", nil, &struct{}{}); err != nil {
		return provisioner.CommandResult{}, err
	}
	a.there = true
	var begun struct{ PID int64 }
	// A second more than is waited for here: who is told that the time was over is not told of a signal.
	kill := strconv.Itoa(int(c.Limits.Time/time.Second) + 2)
	words := []string{"-c", guestScript, "volary", strconv.Itoa(c.Limits.Stdout + 1), strconv.Itoa(c.Limits.Stderr + 1), kill}
	start := map[string]any{"path": "/bin/sh", "arg": append(words, c.Argv...), "capture-output": true}
	if len(c.Stdin) > 0 {
		start["input-data"] = c.Stdin
	}
	if err := a.ask(ctx, "guest-exec", start, &begun); err != nil {
		return provisioner.CommandResult{}, err
	}
	if begun.PID <= 0 {
		return provisioner.CommandResult{}, a.nonsense("it began a program without a number")
	}
	for pause := firstLook; ; pause = min(pause*3/2, lastLook) {
		select {
		case <-ctx.Done():
			return provisioner.CommandResult{}, fmt.Errorf("%s: %w", a.held.op, gaveUp(ctx))
		case <-time.After(pause):
		}
		var end ending
		if err := a.ask(ctx, "guest-exec-status", map[string]any{"pid": begun.PID}, &end); err != nil {
			return provisioner.CommandResult{}, fmt.Errorf("%w; the command was begun", err)
		}
		if end.Exited {
			return a.result(c.Limits, end)
		}
	}
}

// ending is what guest-exec-status returns.
type ending struct {
	Exited   bool
	ExitCode *int
	Signal   int
	Out      []byte `json:"out-data"`
	Err      []byte `json:"err-data"`
}

func (a *agent) result(l provisioner.CommandLimits, end ending) (provisioner.CommandResult, error) {
	r := provisioner.CommandResult{Stdout: end.Out, Stderr: end.Err}
	switch {
	case len(end.Out) > l.Stdout+1 || len(end.Err) > l.Stderr+1:
		return provisioner.CommandResult{}, a.nonsense("it gave more output than it was asked for")
	case end.ExitCode == nil && end.Signal > 0 && end.Signal <= 64:
		r.Status = 128 + end.Signal // of the script itself
	case end.ExitCode == nil || *end.ExitCode < 0 || *end.ExitCode > 255:
		return provisioner.CommandResult{}, a.nonsense("a program ended without a status")
	default:
		r.Status = *end.ExitCode
	}
	if r.MoreStdout = len(r.Stdout) > l.Stdout; r.MoreStdout {
		r.Stdout = r.Stdout[:l.Stdout]
	}
	if r.MoreStderr = len(r.Stderr) > l.Stderr; r.MoreStderr {
		r.Stderr = r.Stderr[:l.Stderr]
	}
	return r, nil
}

// ask asks the agent one thing. What it answers has at most the 4 MiB that libvirt hands on.
func (a *agent) ask(ctx context.Context, command string, arguments, value any) error {
	asked := map[string]any{"execute": command}
	if arguments != nil {
		asked["arguments"] = arguments
	}
	question, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("%s: %w", a.held.op, err)
	}
	var answer string
	err = a.held.call(ctx, func(conn *libvirt.Connect) error {
		return withNode(conn, a.id, func(dom *libvirt.Domain) (err error) {
			begun := time.Now()
			defer func() { a.suspects.note(a.id, time.Since(begun)) }()
			answer, err = dom.QemuAgentCommand(string(question), agentPatience, 0)
			return a.told(conn, err)
		})
	})
	if err != nil {
		return err
	}
	var whole struct{ Return json.RawMessage }
	if json.Unmarshal([]byte(answer), &whole) != nil || len(whole.Return) == 0 || json.Unmarshal(whole.Return, value) != nil {
		return a.nonsense("it cannot be read")
	}
	return nil
}

func (a *agent) nonsense(why string) error {
	return fmt.Errorf("%s: %w: %s", a.held.op, provisioner.ErrGuestNonsense, why)
}

// told gives what libvirt says of an agent the types of the contract. It says so by many codes, some of them those of its own
// failures: an answer that has no end, one of more than libvirt hands on, one that is no JSON. As long as the host is there it is the
// guest's fault.
func (a *agent) told(conn *libvirt.Connect, err error) error {
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
	case a.there:
		kind = provisioner.ErrGuestNonsense
	}
	return fmt.Errorf("%w: %s", kind, guestWords(e.Message))
}

// guestWords makes what a guest may have chosen fit to be read.
func guestWords(words string) string {
	seen := provisioner.VisibleText([]byte(words[:min(len(words), mostAgentWords)]))
	return provisioner.Discreet(string(seen))
}
