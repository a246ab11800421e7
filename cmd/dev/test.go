package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"volary.dev/cmd/internal/child"
	"volary.dev/cmd/internal/postgres"
)

type testCommand struct {
	Args []string `arg:"" optional:"" help:"-short leaves out lab and browser, -full does at length what is done once otherwise (each fuzz target for a minute and not five seconds, 82 faults at random and not eight), -load does all on a busy machine. Anything else goes to go test; with packages, only those are tested, and no quick checks."`
}

// Run brings up what tests need and runs the quick checks, then every test, then takes it down again.
func (t testCommand) Run(ctx context.Context) error {
	c, err := openState("")
	if err != nil {
		return err
	}
	ctx, stop := endWithGoRun(ctx)
	defer stop()
	return describe(t.run(ctx, c), c)
}

func (t testCommand) run(ctx context.Context, c checkout) error {
	args, packages := splitPackages(t.Args)
	args, full := takeOut(args, "full")
	args, load := takeOut(args, "load")
	if err := machineFor(args); err != nil {
		return err
	}
	s := newSteps(os.Stdout)
	if err := ensurePackages(ctx, os.Stdout, testPackages(isShort(args), full)); err != nil {
		return err
	}
	server, stop := "", func() {}
	if err := s.do("PostgreSQL", func() (_ string, err error) {
		server, stop, err = c.testServer(ctx)
		return "", err
	}); err != nil {
		return err
	}
	defer stop()
	var faults []error
	whole := packages == nil
	if whole {
		faults = append(faults, c.check(ctx, s, server))
		packages = []string{"./..."}
	}
	parts, err := c.partition(ctx, packages)
	if err != nil {
		return err
	}
	s3Server, err := c.s3Server(ctx, s, parts.s3)
	if err != nil {
		return err
	}
	var busy *burden
	if load {
		if err := s.do("A busy machine", func() (what string, err error) {
			busy, what, err = makeBusy(isShort(args))
			return what, err
		}); err != nil {
			return err
		}
		defer busy.stop()
	}
	waits, err := c.newWaits()
	if err != nil {
		return err
	}
	run := testRun{checkout: c, out: os.Stdout, server: server, s3Server: s3Server, waits: waits.Name(), long: full || load, full: full, vetted: whole}
	faults = append(faults, run.goTest(ctx, append(oneMorePackage(), args...), parts.together))
	// What boots machines or drives a browser waits for things to happen: one package at a time, those of the lab in one row, and the others and
	// fuzzing beside them in another.
	args = append([]string{"-p", "1"}, args...)
	beside := run.beside(ctx, args, parts.beside, whole && fuzzes(args))
	faults = append(faults, run.goTest(ctx, args, parts.lab), beside(), busy.fault(), waits.print(os.Stdout))
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("failed after %s: %w", s.total(), err)
	}
	fmt.Printf("All passed in %s.\n", s.total())
	return nil
}

// oneMorePackage tests one package more at once than there are processors: each waits for its database half of the time.
func oneMorePackage() []string { return []string{"-p", strconv.Itoa(runtime.NumCPU() + 1)} }

func isShort(args []string) bool {
	return slices.Contains(args, "-short") || slices.Contains(args, "--short")
}

// splitPackages takes the packages (./…) out of go test's arguments.
func splitPackages(args []string) (rest, packages []string) {
	for i, a := range args {
		switch {
		case a == "-args" || a == "--args":
			return append(rest, args[i:]...), packages
		case a == "." || strings.HasPrefix(a, "./") || strings.HasPrefix(a, module):
			packages = append(packages, a)
		default:
			rest = append(rest, a)
		}
	}
	return rest, packages
}

func testPackages(short, full bool) []string {
	names := slices.Concat(labPackages(), browserPackages(), guidePackages(), proxyPackages(), strangerPackages())
	if full {
		names = append(names, "mmdebstrap")
	}
	if short {
		names = []string{"libvirt-dev", "pkg-config", "qemu-utils", "xz-utils", "python3"}
	}
	if os.Getenv(testServerVariable) == "" && os.Getenv("DATABASE_URL") == "" && !postgres.Available() {
		names = append(names, databasePackages()...)
	}
	return names
}

// testParts are the packages of a run: those whose tests need the lab's hosts, those that drive a browser or boot machines of their own
// beside it, and all others; and whether any needs an S3 server.
type testParts struct {
	lab, beside, together []string
	s3                    bool
}

// partition tells packages apart by what their tests import.
func (c checkout) partition(ctx context.Context, packages []string) (parts testParts, err error) {
	all, err := listPackages(ctx, c.root, packages...)
	if err != nil {
		return testParts{}, err
	}
	for _, p := range all {
		if _, ours := ourName(p.ImportPath); !ours {
			continue
		}
		imports := slices.Concat(p.TestImports, p.XTestImports, []string{p.ImportPath})
		parts.s3 = parts.s3 || slices.Contains(imports, module+"/store/blob/blobtest")
		part := &parts.together
		switch {
		case slices.ContainsFunc(imports, needs("provisioner/lab")):
			part = &parts.lab
		case slices.ContainsFunc(imports, needs("provisioner/lab/**", "github.com/chromedp/chromedp")):
			part = &parts.beside
		}
		*part = append(*part, p.ImportPath)
	}
	return parts, nil
}

// needs tells whether an import is one of these.
func needs(patterns ...string) func(importPath string) bool {
	return func(importPath string) bool {
		name, _ := ourName(importPath)
		return matchesAny(patterns, name)
	}
}

// fullVariable tells tests to do at length what they do once otherwise.
const fullVariable = "VOLARY_TEST_FULL"

// s3ServerVariable names the program that blobtest starts.
const s3ServerVariable = "VOLARY_TEST_S3_SERVER"

// s3Server builds the S3 server of tests where any of them needs it.
func (c checkout) s3Server(ctx context.Context, s *steps, needed bool) (program string, err error) {
	if !needed {
		return "", nil
	}
	return program, s.do("S3 server", func() (string, error) {
		var err error
		program, err = c.tool(ctx, "versitygw", "github.com/versity/versitygw/cmd/versitygw")
		return "", err
	})
}

// takeOut takes a flag of ours out of the arguments, which go test does not know.
func takeOut(args []string, flag string) (rest []string, given bool) {
	for _, a := range args {
		if a == "-"+flag || a == "--"+flag {
			given = true
		} else {
			rest = append(rest, a)
		}
	}
	return rest, given
}

// testRun is what runs of go test share.
type testRun struct {
	checkout
	out    io.Writer
	server string // URL of its PostgreSQL
	// s3Server is the program of an S3 server, for the packages that start one.
	s3Server string
	waits    string // file that the tests append their long waits to
	full     bool
	long     bool // it may take much longer than it does elsewhere
	vetted   bool // the quick checks had all of it vetted, by more rules than go test has
}

func (r testRun) goTest(ctx context.Context, args, packages []string) error {
	if len(packages) == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	timeout := "60m" // of a package, beside others on a machine that others use too
	if r.long {
		timeout = "90m"
	}
	line := append([]string{"go", "test", "-timeout", timeout}, buildTags()...)
	if r.vetted {
		line = append(line, "-vet=off")
	}
	line = append(line, packages...)
	line = append(line, args...) // last, since -args ends go test's own
	cmd := contained(ctx, line)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), testServerVariable+"="+r.server, waitsVariable+"="+r.waits, s3ServerVariable+"="+r.s3Server)
	if r.full {
		cmd.Env = append(cmd.Env, fullVariable+"=1")
	}
	cmd.Stdout, cmd.Stderr = r.out, r.out
	if err := child.Run(ctx, cmd); err != nil {
		return fmt.Errorf("go test: %w", err)
	}
	return nil
}

// beside tests packages and then fuzzes, while others are tested. What it returns waits for the end, prints what came of it, and gives the fault.
func (r testRun) beside(ctx context.Context, args, packages []string, fuzz bool) (wait func() error) {
	var said bytes.Buffer
	r.out = &said
	ended := make(chan error, 1)
	go func() {
		err := r.goTest(ctx, args, packages)
		if fuzz {
			err = errors.Join(err, r.fuzz(ctx, newSteps(&said), r.full))
		}
		ended <- err
	}()
	return func() error {
		err := <-ended
		_, writing := said.WriteTo(os.Stdout)
		return errors.Join(err, writing)
	}
}

// contained runs a command in a process namespace of its own where we may: were we killed, the test programs that
// `go test` started would otherwise go on, and their labs with them.
func contained(ctx context.Context, args []string) *exec.Cmd {
	if os.Geteuid() == 0 && exec.CommandContext(ctx, "unshare", "--pid", "--fork", "--mount-proc", "true").Run() == nil {
		args = append([]string{"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"}, args...)
	}
	return exec.Command(args[0], args[1:]...) //nolint:noctx // child.Run ends it with ctx
}
