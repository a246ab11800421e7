package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// tool builds a tool that .tools/NAME/go.mod pins, once per version, and returns its binary. Each tool has a module of
// its own, since their dependencies do not agree with one another or with ours.
func (c checkout) tool(ctx context.Context, name, pkg string) (string, error) {
	home := filepath.Join(c.root, ".tools", name)
	sum, err := os.ReadFile(filepath.Join(home, "go.sum"))
	if err != nil {
		return "", err
	}
	binary := c.path("tools", fmt.Sprintf("%s-%.6x", name, sha256.Sum256(sum)))
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	return binary, runQuietly(ctx, home, "go", "build", "-o", binary, pkg)
}

// runQuietly runs a command in dir and gives its output only in the error.
func runQuietly(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, bytes.TrimSpace(out))
	}
	return nil
}
