package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"volary.dev/cmd/internal/child"
)

// fuzzed are the packages whose fuzz targets a whole run gives time: those that read strangers' files. The seeds of all others run as tests.
const fuzzed = "./provisioner/image/..."

// How long each target is fuzzed, and with -full.
const (
	fuzzTime     = 5 * time.Second
	fuzzTimeFull = time.Minute
)

// fuzzTarget is a fuzz target and the package that it is in.
type fuzzTarget struct{ pkg, name string }

// fuzz gives every target time, one after the other: go test fuzzes one of one package. What brings a target down is an error, and lies then
// as a seed in the package's testdata/fuzz.
func (c checkout) fuzz(ctx context.Context, s *steps, full bool) error {
	each := fuzzTime
	if full {
		each = fuzzTimeFull
	}
	var targets []fuzzTarget
	if err := s.do("Fuzz targets", func() (string, error) {
		var err error
		targets, err = c.fuzzTargets(ctx)
		return fmt.Sprintf("%d in %s", len(targets), fuzzed), err
	}); err != nil {
		return err
	}
	var faults []error
	for _, t := range targets {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.do(t.name, func() (string, error) { return c.fuzzOne(ctx, t, each) }); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// fuzzes tells whether a run with these arguments is of all tests.
func fuzzes(args []string) bool {
	return !slices.ContainsFunc(args, func(a string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		return strings.HasPrefix(a, "-") && slices.Contains([]string{"short", "run", "skip", "list", "fuzz", "bench"}, name)
	})
}

// fuzzTargets lists them; there is at least one.
func (c checkout) fuzzTargets(ctx context.Context) ([]fuzzTarget, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-list", "^Fuzz", fuzzed)
	cmd.Dir = c.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go test -list: %w\n%s", err, out)
	}
	targets := parseFuzzTargets(string(out))
	if len(targets) == 0 {
		return nil, errors.New("no fuzz target is in " + fuzzed)
	}
	return targets, nil
}

// parseFuzzTargets reads what `go test -list` says: the names of a package's targets, then a line with its path.
func parseFuzzTargets(list string) (all []fuzzTarget) {
	var names []string
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) > 1 && strings.HasPrefix(fields[1], module+"/"):
			for _, name := range names {
				all = append(all, fuzzTarget{fields[1], name})
			}
			names = nil
		}
	}
	return all
}

// fuzzOne fuzzes one target, and says how often it ran.
func (c checkout) fuzzOne(ctx context.Context, t fuzzTarget, each time.Duration) (note string, err error) {
	var said strings.Builder
	cmd := exec.Command("nice", "-n", "19", "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(), //nolint:noctx // child.Run ends it with ctx
		// To make a new input small may take a minute by default, in which nothing else is tried.
		"-fuzzminimizetime", "100x", "-parallel", strconv.Itoa(runtime.GOMAXPROCS(0)), t.pkg)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.root, &said, &said
	err = child.Run(ctx, cmd)
	if err != nil && timeEnded(said.String()) {
		err = nil
	}
	if err != nil {
		return "", fmt.Errorf("fuzz %s of %s: %w\n%s", t.name, path.Base(t.pkg), err, indent(said.String()))
	}
	return fuzzExecs(said.String()), nil
}

// timeEnded tells whether a run failed by nothing but the end of its time: on a busy machine go test takes an input that was under way then
// for a failure (golang.org/issue/75804). A failure of the target itself has an input, and is not meant.
func timeEnded(said string) bool {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "--- FAIL: Fuzz") })
	return at >= 0 && at+1 < len(lines) && strings.TrimSpace(lines[at+1]) == "context deadline exceeded" && !strings.Contains(said, "Failing input written")
}

// fuzzExecs is the last count of a run.
func fuzzExecs(said string) string {
	note := ""
	for line := range strings.Lines(said) {
		if _, after, found := strings.Cut(line, "execs: "); found {
			count, _, _ := strings.Cut(after, " ")
			note = count + " runs"
		}
	}
	return note
}
