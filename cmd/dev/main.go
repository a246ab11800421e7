package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Check checkCommand `cmd:"" help:"Run the quick checks: format, vet, lint, generated files, layers, schema, sizes."`
	Gen   genCommand   `cmd:"" help:"Generate pages, assets and the schema dump."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second signal ends us at once.
	context.AfterFunc(ctx, stop)
	var cli commands
	k := kong.Parse(&cli, kong.Name("dev"), kong.Description("Develop Volary."), kong.UsageOnError())
	k.BindTo(ctx, (*context.Context)(nil))
	err := k.Run()
	var exit exitStatus
	switch {
	case err == nil:
	case errors.As(err, &exit):
		os.Exit(int(exit))
	default:
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

// exitStatus ends us with a child's status where all has been said already.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("status %d", int(e)) }
