package main

import (
	"bytes"
	"context"
	"io"
	"os"

	"volary.dev/billing"
	"volary.dev/store/floors"
)

type exportCommand struct {
	Usage exportUsage `cmd:"" help:"A provider's month as CSV, which ties to the ledger: a line for each run, or what they come to."`
}

type exportUsage struct {
	Provider string `required:"" help:"Name of the provider."`
	Month    string `required:"" help:"The month by the provider's accounts, such as 2026-11."`
	Lines    string `help:"What a line is of: a run, an organization, or the totals." enum:"runs,organizations,totals,total" default:"runs"`
	Output   string `help:"File to write; without it the export goes to standard output." type:"path"`
}

// Run implements kong's command. Nothing is written unless the whole export ties.
func (e exportUsage) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		var b bytes.Buffer
		if err := e.write(ctx, db, &b); err != nil {
			return err
		}
		if e.Output == "" {
			_, err := os.Stdout.Write(b.Bytes())
			return err
		}
		return os.WriteFile(e.Output, b.Bytes(), 0o644)
	})
}

func (e exportUsage) write(ctx context.Context, db *floors.All, to io.Writer) error {
	month, err := billing.ParseMonth(e.Month)
	if err != nil {
		return err
	}
	provider, err := providerByName(ctx, db, e.Provider)
	if err != nil {
		return err
	}
	if e.Lines == "total" { // as it was called until 2026-11-30
		e.Lines = billing.UsageAll
	}
	return db.Books.ExportUsage(ctx, provider.ID, month, billing.NewCSV(to, e.Lines))
}
