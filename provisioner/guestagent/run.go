package guestagent

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"volary.dev/provisioner"
)

const (
	// A running command is asked for at first after firstLook, and then less and less often.
	firstLook, lastLook = 30 * time.Millisecond, time.Second
	mostWords           = 300 // bytes of a refusal
)

// Script runs "$@" in the guest and keeps no more of what it writes than was asked for; the rest is read and dropped, so that
// the program goes on. It is the same for every command: what is to be run is its arguments, of which it reads none as text of a
// shell. 3 carries the status, 4 what goes to the second head, 5 and 6 are the agent's own.
const Script = `o=$1 e=$2 t=$3
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

// Line brings one question to the agent and its answer back, both JSON. there tells that the agent has answered in this call: what fails
// from then on may have been done.
type Line func(ctx context.Context, question string, there bool) (answer string, err error)

// agent is asked over a line.
type agent struct {
	op    string
	line  Line
	there bool
}

// Run has the agent run a command that is Bounded. op begins each error.
func Run(ctx context.Context, op string, c provisioner.Command, line Line) (provisioner.CommandResult, error) {
	a := &agent{op: op, line: line}
	if err := a.ask(ctx, "guest-ping", nil, &struct{}{}); err != nil {
		return provisioner.CommandResult{}, err
	}
	a.there = true
	var begun struct{ PID int64 }
	// A second more than is waited for here: who is told that the time was over is not told of a signal.
	kill := strconv.Itoa(int(c.Limits.Time/time.Second) + 2)
	words := []string{"-c", Script, "volary", strconv.Itoa(c.Limits.Stdout + 1), strconv.Itoa(c.Limits.Stderr + 1), kill}
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
			return provisioner.CommandResult{}, fmt.Errorf("%s: %w", op, context.Cause(ctx))
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

// ask asks the agent one thing.
func (a *agent) ask(ctx context.Context, command string, arguments, value any) error {
	asked := map[string]any{"execute": command}
	if arguments != nil {
		asked["arguments"] = arguments
	}
	question, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("%s: %w", a.op, err)
	}
	answer, err := a.line(ctx, string(question), a.there)
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
	return fmt.Errorf("%s: %w: %s", a.op, provisioner.ErrGuestNonsense, why)
}

// Words makes what a guest may have chosen fit to be read.
func Words(words string) string {
	seen := provisioner.VisibleText([]byte(words[:min(len(words), mostWords)]))
	return provisioner.Discreet(string(seen))
}
