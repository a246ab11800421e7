package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"volary.dev/provisioner/lab"
)

type commands struct {
	Up    upCommand    `cmd:"" help:"Start Volary with a demo: PostgreSQL, the lab, worker and web."`
	Down  downCommand  `cmd:"" help:"Stop what up started, and sweep what it left."`
	Test  testCommand  `cmd:"" help:"Run every check and test; -short leaves out lab and browser."`
	Check checkCommand `cmd:"" help:"Run the quick checks: format, vet, lint, generated files, layers, schema, sizes."`
	Shots shotsCommand `cmd:"" help:"Take screenshots of the portal that up serves, into .volary/shots."`
	Bench benchCommand `cmd:"" help:"Measure beside what it is compared with: page, or all."`
	Gen   genCommand   `cmd:"" help:"Generate pages, assets and the schema dump."`
}

func main() {
	lab.Main() // a lab's processes are this program under another name
	burdenMain()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second signal ends us at once.
	context.AfterFunc(ctx, stop)
	var cli commands
	parser := kong.Must(&cli, kong.Name("dev"), kong.Description("Develop Volary."), kong.UsageOnError())
	k, err := parser.Parse(goTestArguments(os.Args[1:]))
	parser.FatalIfErrorf(err)
	k.BindTo(ctx, (*context.Context)(nil))
	err = k.Run()
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

// goTestArguments keeps the arguments of `test` as they are: go test writes its flags with one hyphen, which kong
// would read as several flags of one letter.
func goTestArguments(args []string) []string {
	if len(args) == 0 || args[0] != "test" || slices.Contains(args, "--help") {
		return args
	}
	return append([]string{"test", "--"}, args[1:]...)
}

// exitStatus ends us with a child's status where all has been said already.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("status %d", int(e)) }
