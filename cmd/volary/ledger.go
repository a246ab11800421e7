package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
	"volary.dev/store/floors"
)

type ledgerCommand struct {
	Verify verifyLedger `cmd:"" help:"Recompute every journal's chain and balances, and name the first row that differs."`
	Status ledgerStatus `cmd:"" help:"Show what the workers' daily audit runs found."`
}

type verifyLedger struct {
	File      string   `arg:"" optional:"" help:"A ledger as an organization or a provider downloads it: it is recomputed without a database."`
	Heads     []string `help:"Heads of an older day, as /anchors has them or a mail brought them; several: the option again." sep:"none"`
	Statement []string `help:"An invoice or a statement, its page saved or its text: the heads it carries." sep:"none"`
	Keys      string   `help:"The keys that sign heads, as /certificates/keys.json has them; else, with a database, those in it."`
	Export    string   `help:"A usage export to compare with the ledger, too." type:"existingfile"`
	Provider  string   `help:"Name of the export's provider."`
	Month     string   `help:"The export's month, such as 2026-11."`
}

// Run implements kong's command.
func (v verifyLedger) Run(ctx context.Context) error {
	if v.Export != "" && (v.Provider == "" || v.Month == "") {
		return errors.New("name the export's --provider and --month")
	}
	if v.File != "" {
		if v.Export != "" {
			return errors.New("an export is compared with the database: leave out the file, or --export")
		}
		return v.file(os.Stdout)
	}
	return withStore(ctx, func(db *floors.All) error {
		if err := v.database(ctx, db, os.Stdout); err != nil || v.Export == "" {
			return err
		}
		return v.compare(ctx, db)
	})
}

type ledgerStatus struct {
	Days int `help:"How many audit runs to show, the newest first." default:"7"`
}

// Run implements kong's command. It fails where the last audit run that ended found a difference.
func (l ledgerStatus) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		runs, err := db.Books.AuditRuns(ctx, min(max(l.Days, 1), 366))
		if err != nil {
			return err
		}
		if len(runs) == 0 {
			fmt.Println("No audit run yet: a worker makes one each day. volary ledger verify makes one now.")
			return nil
		}
		var last *books.AuditRun
		for i, p := range runs {
			if last == nil && p.EndedAt != nil {
				last = &runs[i]
			}
			fmt.Println(auditLine(p))
		}
		if last != nil && last.Difference != "" {
			return fmt.Errorf("the ledger differs: %s", last.Difference)
		}
		return nil
	})
}

func auditLine(p books.AuditRun) string {
	day := p.Day.Format(time.DateOnly)
	switch {
	case p.EndedAt == nil:
		return fmt.Sprintf("%s  not ended: begun at %s by %s", day, p.StartedAt.UTC().Format("15:04:05 UTC"), p.Worker)
	case p.Difference != "":
		return fmt.Sprintf("%s  DIFFERS after %s and %s: %s", day,
			refusal.Plural(p.Journals, "journal", "journals"), refusal.Plural(p.Entries, "entry", "entries"), p.Difference)
	}
	return fmt.Sprintf("%s  whole: %s, %s, at %s in %s", day, refusal.Plural(p.Journals, "journal", "journals"), refusal.Plural(p.Entries, "entry", "entries"),
		p.EndedAt.UTC().Format("15:04:05 UTC"), p.EndedAt.Sub(p.StartedAt).Round(time.Millisecond))
}

// compare makes the export again and names the first line that differs.
func (v verifyLedger) compare(ctx context.Context, db *floors.All) error {
	file, err := os.ReadFile(v.Export)
	if err != nil {
		return err
	}
	given := undated(file)
	for _, lines := range billing.UsageTables() {
		var want bytes.Buffer
		if err := (exportUsage{Provider: v.Provider, Month: v.Month, Lines: lines}).write(ctx, db, &want); err != nil {
			return err
		}
		ledger := undated(want.Bytes())
		if head(ledger) != head(given) {
			continue
		}
		if line, expected, found := firstDifference(ledger, given); line > 0 {
			return fmt.Errorf("%s differs from the ledger in line %d:\n  ledger: %s\n  file:   %s\nA month that was exported before its end differs by what was booked since",
				v.Export, line, expected, found)
		}
		fmt.Printf("%s is what the ledger says, but for when it was made.\n", v.Export)
		return nil
	}
	return fmt.Errorf("%s has the columns of no usage export", v.Export)
}

// head is a file's first line, by which one tells what its lines are.
func head(file []byte) string {
	line, _, _ := strings.Cut(string(file), "\n")
	return line
}

// made are what each line of a usage export ends with: when the file was made, up to where use was booked then, and whether the month was closed.
var made = regexp.MustCompile(`(?m),[0-9TZ:-]+,[0-9TZ:-]+,(?:` + billing.Provisional + `|` + billing.Closed + `)(\r?)$`)

// undated leaves out of an export what another one of the same month may say otherwise: the byte order mark of a download,
// when it was made, and whether its month was closed.
func undated(export []byte) []byte {
	return made.ReplaceAll(bytes.TrimPrefix(export, []byte(billing.ByteOrderMark)), []byte(",,,$1"))
}

// firstDifference numbers lines from 1; 0 means that there is none.
func firstDifference(want, given []byte) (line int, expected, found string) {
	a, b := bytes.Split(want, []byte("\n")), bytes.Split(given, []byte("\n"))
	for i := range max(len(a), len(b)) {
		expected, found := "nothing", "nothing"
		if i < len(a) {
			expected = fmt.Sprintf("%q", a[i])
		}
		if i < len(b) {
			found = fmt.Sprintf("%q", b[i])
		}
		if expected != found {
			return i + 1, expected, found
		}
	}
	return 0, "", ""
}
