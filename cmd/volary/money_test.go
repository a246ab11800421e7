package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/billing"
	"volary.dev/store/books"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// market makes a database with a provider and an organization and points the command at it.
func market(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := storetest.URL(t)
	t.Setenv("DATABASE_URL", url)
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	db := storetest.Open(t, pool)
	if _, err := db.People.CreateProvider(t.Context(), uuid.Nil, people.NewProvider{Name: "North", Currency: "EUR", AccountingZone: "Europe/Berlin"}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.People.CreateOrganization(t.Context(), uuid.Nil, "Astronomy"); err != nil {
		t.Fatal(err)
	}
	return pool
}

func TestGrantVerifyAndExport(t *testing.T) {
	pool := market(t)
	grant := grantCommand{Provider: "North", Organization: "Astronomy", Hours: "12.5", Expires: "2099-01-31", Note: "welcome"}
	if err := grant.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var available int64
	var expires string
	if err := pool.QueryRow(t.Context(), `SELECT available, to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM lots`).Scan(&available, &expires); err != nil {
		t.Fatal(err)
	}
	if available != 45_000_000 || expires != "2099-01-30 23:00" {
		t.Errorf("available %d, expires %s", available, expires)
	}
	file := filepath.Join(t.TempDir(), "usage.csv")
	export := exportUsage{Provider: "North", Month: "2026-11", Lines: billing.UsageAll, Output: file}
	if err := export.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	verify := verifyLedger{Export: file, Provider: "North", Month: "2026-11"}
	if err := verify.Run(t.Context()); err != nil {
		t.Error(err)
	}
	given, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// What a browser downloaded an hour ago is the same month.
	older := regexp.MustCompile(`T\d\d:\d\d:\d\dZ,[^,]*,provisional`).ReplaceAllString(string(given), "T00:00:00Z,2026-11-01T00:00:00Z,provisional")
	if older == string(given) {
		t.Errorf("no line says when it was made: %s", given)
	}
	if err := os.WriteFile(file, []byte(billing.ByteOrderMark+older), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := verify.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(given), ",0,0,0,", ",0,7,0,", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := verify.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "in line 2") {
		t.Errorf("a changed export: %v", err)
	}
}

func TestVerifyFailsWhereALotWasEnriched(t *testing.T) {
	pool := market(t)
	if err := (grantCommand{Provider: "North", Organization: "Astronomy", Hours: "1"}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `SET session_replication_role = replica; UPDATE lots SET bought = bought + 5, available = available + 5`); err != nil {
		t.Fatal(err)
	}
	err := verifyLedger{}.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the sums of lot") || !strings.Contains(err.Error(), "bought 3600000") {
		t.Errorf("%v", err)
	}
}

func TestGrantRefusesInWords(t *testing.T) {
	market(t)
	good := grantCommand{Provider: "North", Organization: "Astronomy", Hours: "1"}
	for want, spoil := range map[string]func(*grantCommand){
		"no such provider":           func(g *grantCommand) { g.Provider = "South" },
		"no such organization":       func(g *grantCommand) { g.Organization = "Biology" },
		"write a number such as":     func(g *grantCommand) { g.Hours = "many" },
		"more than zero":             func(g *grantCommand) { g.Hours = "0" },
		"write the expiry as":        func(g *grantCommand) { g.Expires = "soon" },
		"expires: the expiry has to": func(g *grantCommand) { g.Expires = "2001-01-01" },
	} {
		g := good
		spoil(&g)
		if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

func TestLedgerStatusTellsOfTheDailyAuditRuns(t *testing.T) {
	pool := market(t)
	if err := run(t, "ledger", "status"); err != nil {
		t.Error(err)
	}
	if _, _, err := storetest.Open(t, pool).Books.AuditLedger(t.Context(), "worker-1", books.Known{}); err != nil {
		t.Fatal(err)
	}
	if err := run(t, "ledger", "status", "--days=3"); err != nil {
		t.Error(err)
	}
	// A later one that is still at work does not hide the last that ended.
	if _, err := pool.Exec(t.Context(), `
		UPDATE audit_runs SET difference = 'the sums of lot 1 should be 3 but are 4';
		INSERT INTO audit_runs (day, worker, started_at) SELECT day + 1, worker, started_at FROM audit_runs`); err != nil {
		t.Fatal(err)
	}
	if err := run(t, "ledger", "status"); err == nil || !strings.Contains(err.Error(), "the sums of lot 1") {
		t.Errorf("after a difference: %v", err)
	}
}
