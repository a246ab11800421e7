package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/cmd/internal/demo"
)

type demoCommand struct{}

// Run implements kong's command.
func (demoCommand) Run(ctx context.Context) error {
	o := demo.Options{Now: time.Now()}
	o.Hosts, o.Underlay = demo.SimulatedHosts()
	return withPool(ctx, func(pool *pgxpool.Pool) error {
		if err := demo.Make(ctx, pool, o); err != nil {
			return err
		}
		fmt.Printf("Sign in with the password %s as\n", demo.Password)
		for _, p := range demo.People() {
			fmt.Printf("  %-24s %s, %s\n", p.Email, p.Name, p.Does)
		}
		return nil
	})
}
