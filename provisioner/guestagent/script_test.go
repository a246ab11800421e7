package guestagent_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner/guestagent"
	"volary.dev/provisioner/waittest"
)

// TestGuestScript runs the script with the shells of this machine; the lab's guests have BusyBox's.
func TestGuestScript(t *testing.T) {
	bare := t.TempDir() // no timeout(1)
	for _, name := range []string{"head", "cat", "sh"} {
		at, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(at, filepath.Join(bare, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{os.Getenv("PATH"), bare} {
		for _, c := range []struct {
			name, stdin string
			argv        []string
			out, err    string
			status      int
		}{
			{"both outputs and a status", "", []string{"sh", "-c", "echo out; echo err >&2; exit 3"}, "out\n", "err\n", 3},
			{"more than is wanted of both", "", []string{"sh", "-c", "echo 0123456789abc; echo 0123456789abc >&2; exit 4"}, "0123456789", "0123456789", 4},
			{"far more than a pipe holds", strings.Repeat("x", 300_000), []string{"cat"}, "xxxxxxxxxx", "", 0},
			{"input", "a\x00b\n", []string{"cat"}, "a\x00b\n", "", 0},
			{"a signal", "", []string{"sh", "-c", "kill -KILL $$"}, "", "?", 137},
			{"words of a shell", "", []string{"sh", "-c", `printf %s "$1"`, "x", "$(id)'\""}, "$(id)'\"", "", 0},
			{"no such program", "", []string{"volary-none"}, "", "?", 127},
			{"files of ours that stay shut", "", []string{"sh", "-c", "for n in 3 4 5 6; do (: >&$n) 2>/dev/null && echo $n; done; true"}, "", "", 0},
		} {
			cmd := exec.Command("/bin/sh", append([]string{"-c", guestagent.Script, "volary", "10", "10", "60"}, c.argv...)...)
			var out, said bytes.Buffer
			cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = []string{"PATH=" + path}, strings.NewReader(c.stdin), &out, &said
			err := cmd.Run()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if out.String() != c.out || c.err != "?" && said.String() != c.err || cmd.ProcessState.ExitCode() != c.status {
				t.Errorf("%s, PATH %.20s: status %d, %q and %q", c.name, path, cmd.ProcessState.ExitCode(), out.String(), said.String())
			}
		}
	}
}

// TestGuestScriptEndsWhatIsTooLong has it kill a program that outlives its time.
func TestGuestScriptEndsWhatIsTooLong(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", guestagent.Script, "volary", "10", "10", "1", "sh", "-c", "sleep 1000; true")
	ended := make(chan error, 1)
	go func() { ended <- cmd.Run() }()
	waittest.Receive(t, "the script's end", ended)
	if status := cmd.ProcessState.ExitCode(); status != 137 {
		t.Errorf("status %d", status)
	}
}
