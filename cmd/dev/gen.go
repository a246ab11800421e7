package main

import (
	"context"
	"os"
)

type genCommand struct{}

// Run writes every generated file anew.
func (genCommand) Run(ctx context.Context) error {
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
	for _, part := range []struct {
		name string
		run  func() error
	}{
		{"Pages", func() error { return runQuietly(ctx, c.root, "go", "tool", "templ", "generate") }},
		{"Assets", func() error { return runQuietly(ctx, c.root, "go", "run", "./cmd/internal/assets/build") }},
		{"Schema dump", func() error { return writeSchema(ctx, c.root, server) }},
		{"Format", func() error { return c.format(ctx) }},
	} {
		if err := s.do(part.name, func() (string, error) { return "", part.run() }); err != nil {
			return err
		}
	}
	return nil
}

// checkGenerated refuses pages and assets that generating them anew would change.
func (c checkout) checkGenerated(ctx context.Context) error {
	if err := runQuietly(ctx, c.root, "go", "tool", "templ", "generate", "-check"); err != nil {
		return err
	}
	// By its test, which go test answers from its cache where nothing changed; building needs a bundler that other
	// commands of ours need not compile.
	return runQuietly(ctx, c.root, "go", "test", "-run", "^TestBuildLeavesNoDiff$", "./cmd/internal/assets")
}

func (c checkout) format(ctx context.Context) error {
	gofumpt, err := c.tool(ctx, "gofumpt", "mvdan.cc/gofumpt")
	if err != nil {
		return err
	}
	return runQuietly(ctx, c.root, gofumpt, "-w", "-modpath", module, "-lang", "go1.26", ".")
}
