package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

type checkCommand struct{}

// Run runs every quick check, shows each with its time, and goes on after a fault so that one sees all of them.
func (checkCommand) Run(ctx context.Context) error {
	c, err := openState("")
	if err != nil {
		return err
	}
	server, stop, err := c.testServer(ctx)
	if err != nil {
		return err
	}
	defer stop()
	s := newSteps(os.Stdout)
	if err := c.check(ctx, s, server); err != nil {
		return err
	}
	fmt.Printf("All checks passed in %s.\n", s.total())
	return nil
}

// check runs the quick checks; server is a PostgreSQL that may be given databases.
func (c checkout) check(ctx context.Context, s *steps, server string) error {
	var failed []string
	for _, k := range []struct {
		name string
		run  func(ctx context.Context) error
	}{
		{"Layers", func(ctx context.Context) error { return checkLayers(ctx, c.root) }},
		{"Modules", func(ctx context.Context) error { return checkMod(ctx, c.root) }},
		{"Routes", func(ctx context.Context) error { return checkRoutes(ctx, c.root) }},
		{"Forms", func(ctx context.Context) error { return checkForms(ctx, c.root) }},
		{"Documents", func(ctx context.Context) error { return checkDocs(ctx, c.root) }},
		{"Tests per code", func(ctx context.Context) error { return checkRatio(ctx, c.root) }},
		{"Words", func(ctx context.Context) error { return checkWords(ctx, c.root) }},
		{"Names", func(ctx context.Context) error { return checkNames(ctx, c.root) }},
		{"Sizes", func(ctx context.Context) error { return checkSizes(ctx, c.root) }},
		{"Schema dump", func(ctx context.Context) error { return checkSchema(ctx, c.root, server) }},
		{"Generated files", c.checkGenerated},
		{"Format", c.checkFormat},
		{"Vet", c.checkVet},
		{"Lint", c.checkLint},
	} {
		var fault error
		_ = s.do(k.name, func() (string, error) {
			fault = k.run(ctx)
			return "", fault
		})
		if fault != nil {
			fmt.Fprintln(s.out, indent(fault.Error()))
			failed = append(failed, strings.ToLower(k.name))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if failed != nil {
		return errors.New("checks failed: " + strings.Join(failed, ", "))
	}
	return nil
}

func indent(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") }

// checkFormat refuses Go that gofumpt would write differently.
func (c checkout) checkFormat(ctx context.Context) error {
	gofumpt, err := c.tool(ctx, "gofumpt", "mvdan.cc/gofumpt")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, gofumpt, "-l", "-modpath", module, "-lang", "go1.26", ".")
	cmd.Dir = c.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("gofumpt: %w\n%s", err, out)
	}
	if files := string(bytes.TrimSpace(out)); files != "" {
		return errors.New("not as gofumpt writes it (`go run ./cmd/dev gen` mends it):\n" + files)
	}
	return nil
}

// checkVet vets the build that this machine can make: with libvirt where its headers are.
func (c checkout) checkVet(ctx context.Context) error {
	return runQuietly(ctx, c.root, "go", append([]string{"vet"}, append(buildTags(), "./...")...)...)
}

func (c checkout) checkLint(ctx context.Context) error {
	lint, err := c.tool(ctx, "golangci-lint", "github.com/golangci/golangci-lint/v2/cmd/golangci-lint")
	if err != nil {
		return err
	}
	args := []string{"run", "--allow-parallel-runners"}
	if libvirtHeaders() {
		args = append(args, "--build-tags", "libvirt")
	}
	return runQuietly(ctx, c.root, lint, append(args, "./...")...)
}

// libvirtHeaders tells whether a worker for real hosts can be built here.
func libvirtHeaders() bool {
	return exec.CommandContext(context.Background(), "pkg-config", "--exists", "libvirt", "libvirt-qemu").Run() == nil
}

func buildTags() []string {
	if libvirtHeaders() {
		return []string{"-tags", "libvirt"}
	}
	return nil
}
