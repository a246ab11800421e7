package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"volary.dev/cmd/internal/postgres"
)

// testServerVariable names a PostgreSQL in which tests may make databases.
const testServerVariable = "VOLARY_TEST_DATABASE_URL"

// testServer gives a PostgreSQL for tests and checks: the one that the environment names, else one of our own that
// forgets all when stop is called.
func (c checkout) testServer(ctx context.Context) (url string, stop func(), err error) {
	for _, name := range []string{testServerVariable, "DATABASE_URL"} {
		if url := os.Getenv(name); url != "" {
			return url, func() {}, nil
		}
	}
	// One folder for each run at a time. What a killed run left is wiped by the next one that takes its folder.
	for n := range 9 {
		name := fmt.Sprintf("test-postgres-%d", n)
		free, err := c.lock(name + ".lock")
		if errors.Is(err, errLocked) {
			continue
		} else if err != nil {
			return "", nil, err
		}
		url, stop, err := startThrowaway(ctx, c.path(name))
		if err != nil {
			free()
			return "", nil, err
		}
		return url, func() { stop(); free() }, nil
	}
	return "", nil, errors.New("nine other checks or tests run in this checkout: wait for one to end")
}

func startThrowaway(ctx context.Context, dir string) (url string, stop func(), err error) {
	wipe := func() error {
		return errors.Join(os.RemoveAll(filepath.Join(dir, "data")), os.RemoveAll(filepath.Join(dir, "memory")))
	}
	if err := wipe(); err != nil {
		return "", nil, err
	}
	server, err := postgres.Start(ctx, postgres.Options{Dir: dir, Throwaway: true, InMemory: true})
	if err != nil {
		return "", nil, err
	}
	return server.URL(), func() {
		server.Stop()
		_ = wipe()
	}, nil
}
