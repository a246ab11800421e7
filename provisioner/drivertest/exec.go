package drivertest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// execute has a guest run programs that any has: hostname, cat, true, false, echo and sleep.
func execute(t *testing.T, b Bench) {
	b.need(t, PartAgent)
	f := newFixture(t, b, 108)
	f.ensureAll(t)
	waittest.Until(t, "the guest's agent", func() bool {
		_, err := f.driver.Exec(t.Context(), f.node.ID, provisioner.Command{Argv: []string{"true"}})
		if err != nil && !errors.Is(err, provisioner.ErrNoAgent) {
			t.Fatal(err)
		}
		return err == nil
	})
	f.meets(t, provisioner.Gate{Kind: provisioner.GateAgent})
	for _, c := range commands(f.node.Name) {
		got, err := f.driver.Exec(t.Context(), f.node.ID, c.command)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if string(got.Stdout) != c.want || got.MoreStdout != c.more || got.Status != c.status || got.MoreStderr || got.Signal() != 0 || (len(got.Stderr) > 0) != (c.status == 127) {
			t.Errorf("%s: status %d, %d bytes %.40q (more: %t) and %q", c.name, got.Status, len(got.Stdout), got.Stdout, got.MoreStdout, got.Stderr)
		}
	}
	_, err := f.driver.Exec(t.Context(), f.node.ID, provisioner.Command{Argv: []string{"sleep", "600"}, Limits: provisioner.CommandLimits{Time: time.Second}})
	if !errors.Is(err, provisioner.ErrGuestTime) || errors.Is(err, provisioner.ErrHostUnreachable) {
		t.Errorf("a command that takes longer than it may: %v, want ErrGuestTime", err)
	}
	f.refusesCommands(t)
	if err := f.driver.StopNode(t.Context(), f.node.ID, true); err != nil {
		t.Fatal(err)
	}
	if _, err := f.driver.Exec(t.Context(), f.node.ID, provisioner.Command{Argv: []string{"true"}}); !errors.Is(err, provisioner.ErrNoAgent) {
		t.Errorf("on a machine that is off: %v, want ErrNoAgent", err)
	}
	f.waits(t, provisioner.Gate{Kind: provisioner.GateAgent})
}

// commandCase is a command and how it ends. Where no program of the name is there something is said about that.
type commandCase struct {
	name    string
	command provisioner.Command
	want    string
	more    bool
	status  int
}

func commands(host string) []commandCase {
	long := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	bytesOfAll := make([]byte, 256)
	for i := range bytesOfAll {
		bytesOfAll[i] = byte(i)
	}
	argv := func(words ...string) provisioner.Command { return provisioner.Command{Argv: words} }
	return []commandCase{
		{name: "a program's output", command: argv("hostname"), want: host + "\n"},
		{name: "words that a shell would read", command: argv("echo", "$HOME `id` ; exit 7", "'\"*"), want: "$HOME `id` ; exit 7 '\"*\n"},
		{name: "a status", command: argv("false"), status: 1},
		{name: "no such program", command: argv("volary-has-none"), status: 127},
		{name: "every byte", command: provisioner.Command{Argv: []string{"cat"}, Stdin: bytesOfAll}, want: string(bytesOfAll)},
		{name: "input that ends", command: argv("cat")},
		{
			name: "just as much as may be", command: provisioner.Command{Argv: []string{"cat"}, Stdin: long, Limits: provisioner.CommandLimits{Stdout: len(long)}},
			want: string(long),
		},
		{
			name: "a byte more", command: provisioner.Command{Argv: []string{"cat"}, Stdin: long, Limits: provisioner.CommandLimits{Stdout: len(long) - 1}},
			want: string(long[:len(long)-1]), more: true,
		},
	}
}

// refusesCommands asks for what no guest is asked.
func (f *fixture) refusesCommands(t *testing.T) {
	t.Helper()
	for name, c := range map[string]provisioner.Command{
		"no program":      {},
		"a zero byte":     {Argv: []string{"echo", "a\x00b"}},
		"too many words":  {Argv: strings.Split(strings.Repeat("x ", 300), " ")},
		"too much input":  {Argv: []string{"cat"}, Stdin: make([]byte, provisioner.MostCommandInput+1)},
		"too much output": {Argv: []string{"cat"}, Limits: provisioner.CommandLimits{Stderr: provisioner.MostCommandOutput + 1}},
		"an hour":         {Argv: []string{"cat"}, Limits: provisioner.CommandLimits{Time: time.Hour}},
	} {
		if _, err := f.driver.Exec(t.Context(), f.node.ID, c); !errors.Is(err, provisioner.ErrCommand) {
			t.Errorf("%s: %v, want ErrCommand", name, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.driver.Exec(ended, f.node.ID, provisioner.Command{Argv: []string{"true"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v, want context.Canceled", err)
	}
}
