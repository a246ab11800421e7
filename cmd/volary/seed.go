package main

import (
	"context"
	"fmt"

	"volary.dev/cmd/internal/demo"
	"volary.dev/store"
)

type seedCommand struct {
	Demo seedDemo `cmd:"" help:"Make a demo: people, two providers with simulated hosts, and hours to use. Again, it makes what is missing."`
}

type seedDemo struct{}

// Run implements kong's command.
func (seedDemo) Run(ctx context.Context) error {
	return withStore(ctx, func(db *store.DB) error {
		hosts, underlay := demo.SimulatedHosts()
		if err := demo.Seed(ctx, db, hosts, underlay); err != nil {
			return err
		}
		fmt.Printf("Sign in with the password %s as\n", demo.Password)
		for _, p := range demo.People() {
			fmt.Printf("  %-24s %s, %s\n", p.Email, p.Name, p.Does)
		}
		return nil
	})
}
