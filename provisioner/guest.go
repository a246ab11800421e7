package provisioner

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Command is a program that a guest's agent runs, as root where that runs as root. No shell reads Argv.
type Command struct {
	Argv   []string // the first is a path, or a name that is looked for in the agent's PATH
	Stdin  []byte
	Limits CommandLimits
}

// CommandLimits bound a command. A zero field takes its default; more than the most is refused.
type CommandLimits struct {
	Time           time.Duration // from the call to the program's end; DefaultCommandTime
	Stdout, Stderr int           // bytes that are kept of each; DefaultCommandOutput
}

// The bounds of a command. Both outputs come back in one answer of the agent, as base64: of what libvirt takes in one answer
// (4 MiB over its connection) that is a sixth.
const (
	DefaultCommandTime   = 30 * time.Second
	MostCommandTime      = 10 * time.Minute
	DefaultCommandOutput = 64 << 10
	MostCommandOutput    = 256 << 10
	MostCommandInput     = 256 << 10

	mostCommandWords, mostCommandBytes = 256, 64 << 10
)

// ErrCommand says that a command is none that may be asked for; nothing was asked.
var ErrCommand = errors.New("not a command for a guest")

// Bounded gives the command with its defaults, or why it is refused.
func (c Command) Bounded() (Command, error) {
	l := &c.Limits
	if l.Time == 0 {
		l.Time = DefaultCommandTime
	}
	if l.Stdout == 0 {
		l.Stdout = DefaultCommandOutput
	}
	if l.Stderr == 0 {
		l.Stderr = DefaultCommandOutput
	}
	bytes := 0
	for _, word := range c.Argv {
		bytes += len(word)
	}
	switch {
	case len(c.Argv) == 0 || c.Argv[0] == "":
		return c, fmt.Errorf("%w: it names no program", ErrCommand)
	case len(c.Argv) > mostCommandWords || bytes > mostCommandBytes:
		return c, fmt.Errorf("%w: %d words of %d bytes together; at most %d of %d", ErrCommand, len(c.Argv), bytes, mostCommandWords, mostCommandBytes)
	case slices.ContainsFunc(c.Argv, func(word string) bool { return strings.ContainsRune(word, 0) }):
		return c, fmt.Errorf("%w: a word has a zero byte in it", ErrCommand)
	case len(c.Stdin) > MostCommandInput:
		return c, fmt.Errorf("%w: %d bytes of input; at most %d", ErrCommand, len(c.Stdin), MostCommandInput)
	case l.Time < time.Second || l.Time > MostCommandTime:
		return c, fmt.Errorf("%w: it may take %s; from %s to %s can be asked for", ErrCommand, l.Time, time.Second, MostCommandTime)
	case min(l.Stdout, l.Stderr) < 0 || max(l.Stdout, l.Stderr) > MostCommandOutput:
		return c, fmt.Errorf("%w: %d and %d bytes of output; at most %d each", ErrCommand, l.Stdout, l.Stderr, MostCommandOutput)
	}
	return c, nil
}

// CommandResult is how a command ended, in the guest's own word: a guest may say what it likes.
type CommandResult struct {
	// Status is the exit status as a shell gives it: 126 where the program could not be started, 127 where it is not there, and 128
	// and its number where a signal ended it. A program that exits with such a status itself cannot be told from one that was ended.
	Status         int
	Stdout, Stderr []byte
	// MoreStdout and MoreStderr tell that there was more, which is lost. The program was not held up by that.
	MoreStdout, MoreStderr bool
}

// Signal is the signal that ended the program; 0: none did.
func (r CommandResult) Signal() int {
	if r.Status > 128 && r.Status <= 128+64 {
		return r.Status - 128
	}
	return 0
}
