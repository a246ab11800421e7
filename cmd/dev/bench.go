package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

type benchCommand struct {
	Name   string `arg:"" help:"Name of a measurement (that of a family, such as upload, for all of it), or all."`
	Strict bool   `help:"Fail where an aim is missed."`
	Lines  int    `help:"Of the export that is measured, where fewer than its million will do."`
}

// bench measures us beside what we are compared with.
type bench struct {
	name string
	what string
	aim  aim
	run  func(ctx context.Context, c checkout) (ours, theirs figure, err error)
}

// figure is one side of a comparison.
type figure struct {
	of    string
	value float64
	unit  string
}

// aim is what the ratio ours/theirs should be.
type aim struct {
	ratio  float64
	atMost bool // else at least
}

func (a aim) met(ratio float64) bool {
	if a.atMost {
		return ratio <= a.ratio
	}
	return ratio >= a.ratio
}

func (a aim) String() string {
	if a.atMost {
		return fmt.Sprintf("at most %.2f", a.ratio)
	}
	return fmt.Sprintf("at least %.2f", a.ratio)
}

func benches() []bench {
	return []bench{
		{
			name: "page", aim: aim{ratio: 0.5}, run: benchPage,
			what: "the list of 20 clusters, signed in, beside a bare echo handler with one pgx query and the same templ page",
		},
		{
			name: "launch", aim: aim{ratio: 1.25, atMost: true}, run: benchLaunch,
			what: "a head and three compute nodes over three hosts, beside the same networks, overlays and guests by parallel virsh",
		},
		{
			name: "place", aim: aim{ratio: 1}, run: benchPlace,
			what: "128 nodes among 1,250 hosts and 20,000 nodes, command to commit, beside a fortieth of pgbench's TPC-B on the same server",
		},
		{
			name: "upload", aim: aim{ratio: 0.9}, run: benchUpload,
			what: "a disk of 840 MiB by tus, beside tusd's bare handler with the same client",
		},
		{
			name: "upload-qcow2", aim: aim{ratio: 1.2, atMost: true}, run: benchUploadQCOW2,
			what: "an uploaded qcow2 to its verdict, beside sha256sum and qemu-img convert of the same file to the same form",
		},
		{
			name: "upload-xz", aim: aim{ratio: 1.2, atMost: true}, run: benchUploadXZ,
			what: "an uploaded .raw.xz to its verdict, beside xz -d of the same file",
		},
		{
			name: "upload-xz-one", aim: aim{ratio: 1.2, atMost: true}, run: benchUploadXZOne,
			what: "the same of one block, which one thread unpacks",
		},
		{
			name: "upload-raw", aim: aim{ratio: 1.2, atMost: true}, run: benchUploadRaw,
			what: "an uploaded raw disk to its verdict, beside sha256sum and qemu-img convert of the same file to the same form",
		},
		{
			name: "upload-memory", aim: aim{ratio: 1, atMost: true}, run: benchUploadMemory,
			what: "web while four disks of 2 GiB arrive at once, above what it takes at rest",
		},
		{
			name: "ledger", aim: aim{ratio: 0.2}, run: benchLedger,
			what: "200,000 operations of the books from 32 writers on four journals, with the proof behind them, beside as many bare commits of a row each behind four locks",
		},
		{
			name: "settle", aim: aim{ratio: 3, atMost: true}, run: benchSettle,
			what: "20,000 open runs settled at the hour, beside a bare INSERT .. SELECT of as many usage lines",
		},
		{
			name: "export", aim: aim{ratio: 0.5}, run: benchExport(exportedLines),
			what: `a month of a million runs as CSV, beside psql \copy of the same rows; and what memory it takes`,
		},
	}
}

// Run measures one or all, and prints both figures and a line that machines may read.
func (b benchCommand) Run(ctx context.Context) error {
	c, err := openState("")
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(benches(), func(k bench) bool { return !b.takes(k.name) })
	if len(chosen) == 0 {
		return fmt.Errorf("there is no measurement %q: there are %s and all", b.Name, strings.Join(benchNames(), ", "))
	}
	ctx, stop := endWithGoRun(ctx)
	defer stop()
	var missed []string
	for _, k := range chosen {
		fmt.Printf("%s: %s\n", k.name, k.what)
		if k.name == "export" && b.Lines > 0 {
			note("of %d lines", b.Lines)
			k.run = benchExport(b.Lines)
		}
		ours, theirs, err := k.run(ctx, c)
		if errors.Is(err, errNotTaken) {
			fmt.Printf("%s: not measured: %v\n", k.name, err)
			missed = append(missed, k.name)
			continue
		}
		if err != nil {
			return describe(fmt.Errorf("bench %s: %w", k.name, err), c)
		}
		ratio := ours.value / theirs.value
		for _, f := range []figure{ours, theirs} {
			fmt.Printf("  %-28s %10.2f %s\n", f.of, f.value, f.unit)
		}
		fmt.Printf("%s: ratio %.2f, aim %s\n", k.name, ratio, k.aim)
		if !k.aim.met(ratio) {
			missed = append(missed, k.name)
		}
	}
	if b.Strict && missed != nil {
		return errors.New("missed their aim: " + strings.Join(missed, ", "))
	}
	return nil
}

// takes tells whether a measurement is asked for, by its name or that of its family.
func (b benchCommand) takes(name string) bool {
	return b.Name == "all" || b.Name == name || strings.HasPrefix(name, b.Name+"-")
}

func benchNames() (names []string) {
	for _, k := range benches() {
		names = append(names, k.name)
	}
	return names
}

// note tells what a measurement does meanwhile.
func note(format string, args ...any) { fmt.Fprintf(os.Stdout, "  "+format+"\n", args...) }
