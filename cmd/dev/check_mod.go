package main

import "context"

// checkMod refuses a go.mod or go.sum that `go mod tidy` would write differently: what the code imports is direct, and
// what nothing needs is gone.
func checkMod(ctx context.Context, root string) error {
	return runQuietly(ctx, root, "go", "mod", "tidy", "-diff")
}
