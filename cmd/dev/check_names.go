package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// topLevel are the names that may stand at the root of the checkout, beside those that begin with a dot. The map in
// README.md says what lives in each: whatever is new has a place below one of them.
func topLevel() []string {
	return []string{
		"web", "handlers", "store", "billing", "typed", "provisioner", "static", "migrations", "cmd",
		"go.mod", "go.sum", "Dockerfile", "README.md", "LICENSE",
	}
}

// checkNames refuses a stray file or folder at the root: one that git tracks, or would track with the next `git add`.
func checkNames(ctx context.Context, root string) error {
	paths, err := trackedFiles(ctx, root)
	if err != nil {
		return err
	}
	return faults(nameFaults(paths))
}

// trackedFiles are the paths that git tracks, or would track with the next `git add`.
func trackedFiles(ctx context.Context, root string) ([]string, error) {
	// Whoever runs the checks may be root in somebody else's checkout.
	cmd := exec.CommandContext(ctx, "git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	return strings.Split(string(bytes.TrimRight(out, "\x00")), "\x00"), nil
}

func nameFaults(paths []string) []string {
	var found []string
	for _, path := range paths {
		name, _, _ := strings.Cut(path, "/")
		if name == "" || strings.HasPrefix(name, ".") || slices.Contains(topLevel(), name) {
			continue
		}
		found = append(found, fmt.Sprintf("%s does not belong at the top of the checkout (cmd/dev/check_names.go)", name))
	}
	return found
}
