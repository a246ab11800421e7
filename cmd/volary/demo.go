package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/cmd/internal/demo"
	"volary.dev/provisioner"
)

type demoCommand struct{}

// Run implements kong's command.
func (demoCommand) Run(ctx context.Context) error {
	o := demo.Options{Now: time.Now()}
	o.Hosts, o.Underlay = demo.SimulatedHosts()
	if dir := os.Getenv("VOLARY_MEMORY_STATE_DIR"); dir != "" {
		o.Enrol = func(_ context.Context, h demo.Host, code string) error {
			return os.WriteFile(filepath.Join(dir, provisioner.SimulatedCodeFile(h.Address)), []byte(code+"\n"), 0o600)
		}
	}
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
