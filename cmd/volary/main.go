package main

import (
	"context"
	"fmt"
	"os/signal"
	"reflect"
	"syscall"

	"github.com/alecthomas/kong"
	"volary.dev/provisioner/typed"
)

// commands is the whole command line. The Run method of the chosen one gets a context that ends with SIGINT or SIGTERM.
type commands struct {
	Blobs       blobsCommand       `cmd:"" help:"Check the bytes of images."`
	Certificate certificateCommand `cmd:"" help:"Check certificates of acceptance tests."`
	Console     consoleCommand     `cmd:"" help:"Look at the console of a node that try --keep left running."`
	Demo        demoCommand        `cmd:"" help:"Make a demo: people, two providers with simulated hosts, and hours to use. Again, it makes what is missing. Stop worker and web meanwhile."`
	Export      exportCommand      `cmd:"" help:"Write what an accountant asks for."`
	Grant       grantCommand       `cmd:"" help:"Give an organization compute hours of a provider."`
	Hook        hookCommand        `cmd:"" help:"Answer libvirt's hooks on a host."`
	Host        hostCommand        `cmd:"" help:"Add, check and list hosts."`
	Ledger      ledgerCommand      `cmd:"" help:"Check the ledger."`
	Mail        mailCommand        `cmd:"" help:"Make the pair that seals links in mails, and show a link."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the database up to date, as its owner: before the servers start, and at each upgrade."`
	Model       modelCommand       `cmd:"" help:"Check the file of a model cluster, and export one as a bundle."`
	Org         orgCommand         `cmd:"" help:"Add organizations and their members."`
	Pool        poolCommand        `cmd:"" help:"Add pools of hosts."`
	Provider    providerCommand    `cmd:"" help:"Add providers and their staff."`
	Sample      sampleCommand      `cmd:"" help:"Make the image that checks of hosts boot."`
	Shape       shapeCommand       `cmd:"" help:"Add sizes of nodes."`
	Starter     starterCommand     `cmd:"" help:"Make the models that a group can begin with: Slurm and HTCondor."`
	Try         tryCommand         `cmd:"" help:"Boot a model on this machine, without root and without an account, and test it as a provider does."`
	User        userCommand        `cmd:"" help:"Add people."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var c commands
	k := kong.Parse(&c, kong.Name("volary"), kong.Description("Run Volary, and prepare hosts for it."),
		kong.UsageOnError(), kong.TypeMapper(reflect.TypeFor[int](), kong.MapperFunc(wholeNumber)), kong.BindTo(ctx, (*context.Context)(nil)))
	k.FatalIfErrorf(k.Run())
}

// wholeNumber reads every number of the command line as the pages do: "1,000" is refused, and "010" is ten.
func wholeNumber(c *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := c.Scan.PopValueInto("number", &text); err != nil {
		return err
	}
	number, err := typed.ParseNumber(text, "8")
	if err != nil {
		return err
	}
	n, err := number.Scaled(0)
	if err != nil {
		return err
	}
	if target.OverflowInt(n) {
		return fmt.Errorf("%w: %s", typed.ErrTooLarge, number)
	}
	target.SetInt(n)
	return nil
}
