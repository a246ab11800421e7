package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"volary.dev/billing"
	"volary.dev/billing/workbook"
	"volary.dev/store/books"
	"volary.dev/store/floors"
)

type exportCommand struct {
	Usage exportUsage `cmd:"" help:"A provider's month as CSV, JSON Lines or .xlsx, which ties to the ledger: a line for each run, or what they come to."`
	Focus exportFocus `cmd:"" help:"A provider's month for cost tools, as FOCUS has it (FinOps Open Cost and Usage Specification)."`
	Apel  exportApel  `cmd:"" help:"A month in UTC for a grid's accounting: a .zip of APEL cloud messages, version 0.4, for the outgoing folder of SSM."`
}

// exportOf is what all exports are asked for.
type exportOf struct {
	Provider string `required:"" help:"Name of the provider."`
	Month    string `required:"" help:"The month by the provider's accounts, such as 2026-11."`
	Output   string `help:"File to write; without it the export goes to standard output." type:"path"`
}

// run writes what f writes, once all of it is written: nothing is left of an export that does not tie. It is kept in a file meanwhile,
// for a month may be long.
func (e exportOf) run(ctx context.Context, f func(ctx context.Context, db *floors.All, s books.ExportScope, to io.Writer) error) error {
	month, err := billing.ParseMonth(e.Month)
	if err != nil {
		return err
	}
	return withStore(ctx, func(db *floors.All) error {
		provider, err := providerByName(ctx, db, e.Provider)
		if err != nil {
			return err
		}
		folder := ""
		if e.Output != "" {
			folder = filepath.Dir(e.Output)
		}
		file, err := os.CreateTemp(folder, ".volary-export-*")
		if err != nil {
			return fmt.Errorf("make the export: %w", err)
		}
		defer func() { _ = errors.Join(file.Close(), os.Remove(file.Name())) }() // where it was renamed nothing is left to remove
		if err := f(ctx, db, books.ExportScope{Provider: provider.ID, Month: month}, file); err != nil {
			return err
		}
		if e.Output != "" {
			return errors.Join(file.Chmod(0o644), file.Close(), os.Rename(file.Name(), e.Output))
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read the export: %w", err)
		}
		_, err = io.Copy(os.Stdout, file)
		return err
	})
}

type exportUsage struct {
	Provider string `required:"" help:"Name of the provider."`
	Month    string `required:"" help:"The month by the provider's accounts, such as 2026-11."`
	Lines    string `help:"What a line is of: a run, an organization, or the totals. A workbook has all." enum:"runs,organizations,totals,total" default:"runs"`
	Format   string `help:"csv, jsonl or xlsx." enum:"csv,jsonl,xlsx" default:"csv"`
	Output   string `help:"File to write; without it the export goes to standard output." type:"path"`
}

// Run implements kong's command.
func (e exportUsage) Run(ctx context.Context) error {
	return exportOf{e.Provider, e.Month, e.Output}.run(ctx, e.give)
}

// give gives a closed month as it was kept, and any other as it is now.
func (e exportUsage) give(ctx context.Context, db *floors.All, s books.ExportScope, to io.Writer) error {
	closed, err := db.Books.IsClosed(ctx, s.Provider, s.Month)
	if err != nil {
		return err
	}
	if !closed {
		return e.fill(ctx, db, s, to)
	}
	name := "usage-" + e.lines() + "." + e.Format
	if e.Format == "xlsx" {
		name = "usage.xlsx"
	}
	return db.Books.WriteKeptFile(ctx, s.Provider, s.Month, name, to)
}

// write writes the export to a writer, whole or not.
func (e exportUsage) write(ctx context.Context, db *floors.All, to io.Writer) error {
	month, err := billing.ParseMonth(e.Month)
	if err != nil {
		return err
	}
	provider, err := providerByName(ctx, db, e.Provider)
	if err != nil {
		return err
	}
	return e.fill(ctx, db, books.ExportScope{Provider: provider.ID, Month: month}, to)
}

func (e exportUsage) fill(ctx context.Context, db *floors.All, s books.ExportScope, to io.Writer) error {
	switch e.Format {
	case "jsonl":
		return db.Books.ExportUsage(ctx, s.Provider, s.Month, billing.NewJSONLines(to, e.lines()))
	case "xlsx":
		b, err := workbook.New(to)
		if err != nil {
			return err
		}
		return errors.Join(db.Books.ExportUsage(ctx, s.Provider, s.Month, b), b.Close())
	default:
		return db.Books.ExportUsage(ctx, s.Provider, s.Month, billing.NewCSV(to, e.lines()))
	}
}

// lines is the table that is asked for, by its name.
func (e exportUsage) lines() string {
	if e.Lines == "total" { // as it was called until 2026-11-30
		return billing.UsageAll
	}
	return e.Lines
}

type exportFocus struct {
	exportOf
	Version string `help:"Of FOCUS: 1.4, or 1.2 for older readers." enum:"1.4,1.2" default:"1.4"`
	Dataset string `help:"cost-and-usage, contract-commitment (of 1.4), or the metadata beside them." enum:"cost-and-usage,contract-commitment,metadata" default:"cost-and-usage"`
}

var errNoDataset = errors.New("FOCUS 1.2 has no such dataset")

// Run implements kong's command.
func (e exportFocus) Run(ctx context.Context) error {
	v := billing.FocusVersion(e.Version)
	if e.Dataset == billing.FocusCommitments && v == billing.Focus12 {
		return fmt.Errorf("%w: contract-commitment; it has %s and metadata", errNoDataset, strings.Join(billing.FocusTables(v), ", "))
	}
	return e.run(ctx, func(ctx context.Context, db *floors.All, s books.ExportScope, to io.Writer) error {
		if e.Dataset == "metadata" {
			return billing.WriteFocusMetadata(to, v, time.Now())
		}
		return db.Books.ExportFocus(ctx, s, v, e.Dataset, billing.NewCSV(to, e.Dataset))
	})
}

type exportApel struct {
	exportOf
	Site string `help:"The provider's name in GOCDB; without it, made of its name here."`
}

// Run implements kong's command.
func (e exportApel) Run(ctx context.Context) error {
	return e.run(ctx, func(ctx context.Context, db *floors.All, s books.ExportScope, to io.Writer) error {
		return db.Books.ExportApel(ctx, s, e.Site, to)
	})
}
