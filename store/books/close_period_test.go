package books_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/books"
)

func monthOf(t *testing.T, s string) billing.Month {
	t.Helper()
	m, err := billing.ParseMonth(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (w *ledgerWorld) close(month string) error {
	return w.db.Books.ClosePeriod(w.t.Context(), w.person, w.provider, monthOf(w.t, month))
}

// kept reads a kept file.
func (w *ledgerWorld) kept(month, name string) []byte {
	w.t.Helper()
	var b bytes.Buffer
	w.must(w.db.Books.WriteKeptFile(w.t.Context(), w.provider, monthOf(w.t, month), name, &b))
	return b.Bytes()
}

// rows are those of a CSV, each by the names of its columns.
func (w *ledgerWorld) rows(file []byte) (list []map[string]string) {
	w.t.Helper()
	all, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte(billing.ByteOrderMark)))).ReadAll()
	w.must(err)
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, c := range cells {
			row[all[0][i]] = c
		}
		list = append(list, row)
	}
	return list
}

func refusedWith(t *testing.T, what string, err error, code string, says ...string) {
	t.Helper()
	r, ok := refusal.As(err)
	if !ok || r.Code != code {
		t.Fatalf("%s: %v", what, err)
	}
	for _, s := range says {
		if !strings.Contains(r.Title+" "+r.Next, s) {
			t.Errorf("%s: %s %s, want %q", what, r.Title, r.Next, s)
		}
	}
}

// november has a purchase, a cluster that ran in it and ended, and one whose host fell silent in its last hour.
func november(t *testing.T) (w *ledgerWorld, silent uuid.UUID, lastProof time.Time) {
	t.Helper()
	end := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	w = newLedgerWorldAt(t, at(0))
	w.sell(36_000_000, uuid.Nil, 400, "")
	w.grant(5_000_000, nil)
	id, nodes := w.running(2, 600, at(0))
	for s := 10; s <= 100; s += 10 {
		w.clock.Set(at(s))
		w.prove(at(s), nodes...)
	}
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(100)))
	begin := end.Add(-40 * time.Minute)
	w.clock.Set(begin)
	silent, nodes = w.running(1, 7200, begin)
	for s := 10; s <= 60; s += 10 {
		lastProof = begin.Add(time.Duration(s) * time.Second)
		w.clock.Set(lastProof)
		w.prove(lastProof, nodes...)
	}
	return w, silent, lastProof
}

func december(t *testing.T, day, hour int) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return time.Date(2026, 12, day, hour, 0, 0, 0, zone)
}

func TestAMonthIsClosedInItsTime(t *testing.T) {
	w, _, _ := november(t)
	refusedWith(t, "a month that runs", w.close("2026-11"), "not_over", "ends at 1 December 2026, 00:00 CET")
	w.clock.Set(december(t, 5, 23))
	refusedWith(t, "days of grace", w.close("2026-11"), "not_over", "last until 6 December 2026, 00:00 CET", "fewer days of grace")
	refusedWith(t, "another month", w.close("2026-10"), "not_found")
	refusedWith(t, "another provider's", w.db.Books.ClosePeriod(t.Context(), w.person, uuid.New(), monthOf(t, "2026-11")), "not_found")
	refusedWith(t, "too many days", w.db.Books.SetAccounts(t.Context(), w.person, w.provider, books.AccountSettings{GraceDays: 61}), "invalid")
	refusedWith(t, "a code twice", w.db.Books.SetAccounts(t.Context(), w.person, w.provider, books.AccountSettings{Codes: map[billing.MoneyAccount]string{billing.Bank: "1200", billing.Tax: "1200"}}), "invalid")
	w.must(w.db.Books.SetAccounts(t.Context(), w.person, w.provider, books.AccountSettings{GraceDays: 0, Codes: map[billing.MoneyAccount]string{billing.Receivable: "1400"}}))
	w.clock.Set(december(t, 1, 0))
	w.exec(`INSERT INTO audit_runs (day, worker, started_at, ended_at, journals, entries, difference) VALUES ('2026-11-30', 'w', now(), now(), 1, 1, 'something')`)
	refusedWith(t, "a red audit run", w.close("2026-11"), "open_questions", "2026-11-30 found a difference")
	w.exec(`UPDATE audit_runs SET difference = NULL`)
	w.order(1_000_000, uuid.Nil, 9, "") // waits, and is listed alone
	w.must(w.close("2026-11"))
	refusedWith(t, "a closed month", w.close("2026-11"), "conflict", "was closed at 1 December 2026")
	w.must(w.db.Books.SetAccounts(t.Context(), w.person, w.provider, books.AccountSettings{GraceDays: 60}))
	for _, day := range []int{29, 30} {
		refusedWith(t, "a day in it", books.RefuseClosedDay(t.Context(), w.pool, w.provider, typed.Day{Year: 2026, Month: 11, Day: day}), "closed", "1 December 2026")
	}
	w.must(books.RefuseClosedDay(t.Context(), w.pool, w.provider, typed.Day{Year: 2026, Month: 12, Day: 1}))
}

// TestPaymentsAreOfOpenMonths has money dated into a closed month refused, and what no invoice took said before a month is closed.
func TestPaymentsAreOfOpenMonths(t *testing.T) {
	w, _, _ := november(t)
	w.settle()
	w.clock.Set(december(t, 6, 0))
	w.must(w.close("2026-11"))
	record := func(day typed.Day) error {
		_, err := w.db.Books.RecordPayment(t.Context(), w.person, w.provider, books.NewPayment{OrganizationID: w.org, Minor: 9_999_999, PaidOn: day, Reference: "too much"})
		return err
	}
	refusedWith(t, "a day of November", record(typed.Day{Year: 2026, Month: 11, Day: 30}), "closed", "November 2026", "from 1 December 2026 on")
	w.must(record(typed.Day{Year: 2026, Month: 12, Day: 1}))
	p, err := w.db.Books.Period(t.Context(), w.provider, monthOf(t, "2026-12"))
	w.must(err)
	if last := p.Checks[len(p.Checks)-1]; last.Blocks || last.Found != "1 customer has credit that no invoice took" {
		t.Errorf("%+v", last)
	}
}

func TestUnbookedUseKeepsAMonthOpen(t *testing.T) {
	w, id, last := november(t)
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.clock.Set(december(t, 10, 0))
	p, err := w.db.Books.Period(t.Context(), w.provider, monthOf(t, "2026-11"))
	w.must(err)
	if len(p.Checks) < 6 || !p.Checks[0].Open() || !p.Checks[0].Blocks {
		t.Errorf("%+v", p.Checks)
	}
	refusedWith(t, "a run that ended", w.close("2026-11"), "open_questions", "1 run with 0.02 compute hours that are not booked")
	w.settle()
	if n := w.count(`SELECT count(*) FROM ledger_entries WHERE period_to = $1 AND period = '2026-11-01'`, last); n == 0 {
		t.Error("what is booked before its month is closed is not in it")
	}
	w.grant(1000, nil)
	w.clock.Set(december(t, 40, 0))
	refusedWith(t, "the month behind it", w.close("2026-12"), "earlier", "November 2026 is open still", "Close November 2026 first.")
	w.must(w.close("2026-11"))
	w.must(w.close("2026-12"))
	w.ties("2026-11", "2026-12")
}

// TestAClosedMonthStays closes November with a run open whose host is silent, renames, books late, and closes December.
func TestAClosedMonthStays(t *testing.T) {
	w, silent, last := november(t)
	w.settle()
	w.clock.Set(december(t, 6, 0))
	w.must(w.close("2026-11"))
	p, err := w.db.Books.Period(t.Context(), w.provider, monthOf(t, "2026-11"))
	w.must(err)
	sums := map[string]string{}
	for _, f := range p.Files {
		sum := sha256.Sum256(w.kept("2026-11", f.Name))
		if sums[f.Name] = hex.EncodeToString(sum[:]); sums[f.Name] != f.SHA256 || f.Size == 0 {
			t.Errorf("%s: %s of %d bytes, its bytes have %s", f.Name, f.SHA256, f.Size, sums[f.Name])
		}
	}
	if len(sums) != 15 || p.Statements != 1 {
		t.Errorf("%d files, %d statements", len(sums), p.Statements)
	}
	// Names change, and the silent host answers: its run is booked late.
	w.exec(`UPDATE organizations SET name = 'Renamed'`)
	w.exec(`UPDATE clusters SET name = 'renamed-' || name`)
	w.exec(`UPDATE providers SET name = 'South', legal_name = 'South GmbH'`)
	w.must(w.db.Books.SetAccounts(t.Context(), w.person, w.provider, books.AccountSettings{GraceDays: 0, Codes: map[billing.MoneyAccount]string{billing.Revenue: "8400"}}))
	w.must(w.db.Books.EndRunsNow(t.Context(), silent, nil, "lost"))
	w.must(w.db.Books.ReleaseNow(t.Context(), silent, december(t, 6, 0)))
	if n := w.count(`SELECT count(*) FROM ledger_entries WHERE kind = 'use' AND accounting_date = '2026-11-30' AND period = '2026-12-01'`); n == 0 {
		t.Error("what came late is not dated in November in the accounts of December")
	}
	for name, want := range sums {
		if sum := sha256.Sum256(w.kept("2026-11", name)); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s changed", name)
		}
	}
	w.verified()
	w.clock.Set(december(t, 32, 0))
	w.must(w.close("2026-12"))
	late := w.rows(w.kept("2026-12", "usage-runs.csv"))
	if len(late) != 1 || late[0]["to"] != last.Format("2006-01-02T15:04:05Z") || late[0]["status"] != "closed" {
		t.Errorf("December has %v, want the run until %s", late, last)
	}
	if got := w.rows(w.kept("2026-11", "usage-totals.csv"))[0]["mcs"]; got != "200000" {
		t.Errorf("November has %s mcs", got)
	}
	w.ties("2026-11", "2026-12")
}

// ties compares what the files and statements of months say with one another and with the ledger.
func (w *ledgerWorld) ties(months ...string) {
	w.t.Helper()
	var carried string
	for _, m := range months {
		roll := w.rows(w.kept(m, "roll-forward-totals.csv"))
		if carried != "" && roll[0]["opening"] != carried {
			w.t.Errorf("%s begins with %s deferred, not %s", m, roll[0]["opening"], carried)
		}
		carried = roll[0]["closing"]
		var deferred string
		for _, a := range w.rows(w.kept(m, "trial-balance.csv")) {
			if a["account"] == "deferred" {
				deferred = strings.TrimPrefix(a["closing"], "-")
			}
		}
		if deferred != carried {
			w.t.Errorf("%s: %s deferred by the accounts, %s by the lots", m, deferred, carried)
		}
	}
	list, _, err := w.db.Books.StatementsOfOrganization(w.t.Context(), w.org, store.Page{})
	w.must(err)
	for i, s := range list {
		if i > 0 && (list[i-1].Hours.Opening != s.Hours.Closing || list[i-1].Prepaid.Opening != s.Prepaid.Closing || list[i-1].Owed.Opening != s.Owed.Closing) {
			w.t.Errorf("%s goes on from something else than %s: %+v, %+v", list[i-1].Month, s.Month, list[i-1], s)
		}
	}
	if c, last := w.card(), list[0]; last.Hours.Closing != c.Left+c.SetAside {
		w.t.Errorf("%d are left by the statement, %d by the wallet", last.Hours.Closing, c.Left+c.SetAside)
	}
}

func TestTheDatabaseRefusesAClosedMonth(t *testing.T) {
	w, _, _ := november(t)
	w.settle()
	w.clock.Set(december(t, 6, 0))
	w.must(w.close("2026-11"))
	for _, sql := range []string{
		`INSERT INTO ledger_entries (wallet_id, seq, kind, at, key, accounting_date, period, previous, hash)
			SELECT wallet_id, seq + 1, 'goodwill', at + interval '1 s', 'late', '2026-11-29', '2026-11-01', hash, sha256('x') FROM journal_heads`,
		`UPDATE periods SET closed_at = NULL`, `DELETE FROM periods`, `UPDATE periods SET month = '2026-10-01'`, `UPDATE period_files SET size = 0`,
		`DELETE FROM period_file_parts`, `UPDATE statements SET used = 0`, `TRUNCATE statements CASCADE`, `UPDATE period_balances SET amount = 1`,
	} {
		_, err := w.pool.Exec(t.Context(), sql)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "23001" {
			t.Errorf("%.60s: %v", sql, err)
		}
	}
}

func TestAStatementSaysTheMonth(t *testing.T) {
	w, silent, _ := november(t)
	w.settle()
	month := monthOf(t, "2026-11")
	_, err := w.db.Books.StatementOf(t.Context(), w.org, w.provider, month)
	refusedWith(t, "a month that runs", err, "not_over", "ends at 1 December 2026, 00:00 CET", "provisional")
	w.clock.Set(december(t, 6, 0))
	_, err = w.db.Books.StatementOf(t.Context(), w.org, w.provider, month)
	refusedWith(t, "an open month", err, "not_closed", "has not closed November 2026")
	w.exec(`INSERT INTO memberships (organization_id, person_id, role, created_at) VALUES ($1, $2, 'billing', now())`, w.org, w.person)
	w.must(w.close("2026-11"))
	if n := w.count(`SELECT count(*) FROM notices WHERE event = 'statement' AND data->>'month' = 'November 2026'`); n != 1 {
		t.Errorf("%d are told of the statement", n)
	}
	_, err = w.db.Books.StatementOf(t.Context(), w.org, w.provider, month.Previous())
	refusedWith(t, "a month of before", err, "no_statement", "October 2026")
	_, err = w.db.Books.StatementOf(t.Context(), uuid.New(), w.provider, month)
	refusedWith(t, "another's", err, "not_found")
	id, err := w.db.Books.StatementOf(t.Context(), w.org, w.provider, month)
	w.must(err)
	s, err := w.db.Books.StatementOfOrganization(t.Context(), w.org, id)
	w.must(err)
	if want := (billing.StatementHours{Bought: 36_000_000, Granted: 5_000_000, Used: 200_000, Closing: 40_800_000}); s.Hours != want {
		t.Errorf("%+v", s.Hours)
	}
	if s.Prepaid.Sold != s.Owed.Invoiced || s.Prepaid.Closing != s.Prepaid.Sold-s.Prepaid.Used || s.Owed.Closing == 0 {
		t.Errorf("%+v %+v", s.Prepaid, s.Owed)
	}
	var b bytes.Buffer
	w.must(w.db.Books.ExportStatement(t.Context(), w.org, s, billing.NewCSV(&b, billing.StatementUses)))
	uses := w.rows(b.Bytes())
	if len(uses) != 1 || uses[0]["mcs"] != "200000" || uses[0]["person"] != "Ada" {
		t.Errorf("%v", uses)
	}
	marks, err := billing.ReadMarks("statement", b.Bytes())
	if err != nil || len(marks) != 1 {
		t.Fatalf("%v, %v", marks, err)
	}
	w.must(w.db.Books.EndRunsNow(t.Context(), silent, nil, "lost")) // the chain goes on, and has the statement's head in it
	w.must(w.db.Books.ReleaseNow(t.Context(), silent, december(t, 6, 0)))
	if r, err := w.db.Books.VerifyLedger(t.Context(), marks...); err != nil || r.Difference != nil || r.Vouchers != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	sums, err := w.db.Books.StatementSums(t.Context(), w.org, id, books.ByMember)
	if err != nil || len(sums) != 1 || sums[0].Name != "Ada" || sums[0].Hours != 200_000 {
		t.Errorf("%v, %v", sums, err)
	}
	if list, total, err := w.db.Books.StatementUses(t.Context(), uuid.New(), id, books.StatementUseFilter{}); err != nil || len(list)+total != 0 {
		t.Errorf("another organization sees %v, %v", list, err)
	}
}
