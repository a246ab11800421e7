package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/cmd/internal/setup"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/floors"
)

// withStore opens the database that DATABASE_URL names for one command, and turns a refusal into its whole text.
func withStore(ctx context.Context, run func(*floors.All) error) error {
	return withPool(ctx, func(pool *pgxpool.Pool) error {
		return run(floors.New(pool, store.Options{}))
	})
}

// withPool is withStore for what needs more than commands.
func withPool(ctx context.Context, run func(*pgxpool.Pool) error) error {
	config, err := setup.ReadCommandConfig()
	if err != nil {
		return err
	}
	pool, err := setup.Pool(ctx, config.DatabaseURL, setup.PoolOptions{Name: "command", Max: 4})
	if err != nil {
		return err
	}
	defer pool.Close()
	return explain(run(pool))
}

// explain gives a refusal as a person reads it: the sentence, each field, each detail, and what to do next.
func explain(err error) error {
	r, ok := refusal.As(err)
	if !ok {
		return err
	}
	lines := []string{r.Title}
	for _, field := range slices.Sorted(maps.Keys(r.Fields)) {
		lines = append(lines, "  "+field+": "+r.Fields[field])
	}
	for _, detail := range r.Detail {
		lines = append(lines, "  "+detail)
	}
	switch {
	case r.Code == "not_found": // a page's next step is its list, which a command line does not have
		lines = append(lines, "Compare what you typed with what the portal shows: names and addresses are given whole.")
	case r.Next != "":
		lines = append(lines, r.Next)
	}
	return errors.New(strings.Join(lines, "\n"))
}
