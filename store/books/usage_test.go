package books_test

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
)

// export reads the runs of a month, and the total as its last row.
func (w *ledgerWorld) export(month string) [][]string {
	w.t.Helper()
	return append(w.exported(month, billing.UsageRuns), w.exported(month, billing.UsageAll)[1:]...)
}

func (w *ledgerWorld) exported(month, lines string) [][]string {
	w.t.Helper()
	m, err := billing.ParseMonth(month)
	w.must(err)
	var b bytes.Buffer
	w.must(w.db.Books.ExportUsage(w.t.Context(), w.provider, m, billing.NewCSV(&b, lines)))
	rows, err := csv.NewReader(&b).ReadAll()
	w.must(err)
	return rows
}

func TestExportsOfTwoMonthsTieToTheLedger(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(100_000_000, nil)
	// The month changes at midnight in Berlin, an hour before UTC's.
	border := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	id, nodes := w.running(2, 3600, border.Add(-100*time.Second))
	for s := -95; s <= 50; s += 5 {
		w.prove(border.Add(time.Duration(s)*time.Second), nodes...)
	}
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, border.Add(time.Minute)))
	w.verified()

	november, december := w.export("2026-11"), w.export("2026-12")
	if n := len(november); n != 1+2+1 {
		t.Fatalf("%d rows: %v", n, november)
	}
	if r := november[1]; r[10] != "2026-11-30T23:00:00Z" || r[11] != "continues" || r[12] != "100" || r[14] != "100000" {
		t.Errorf("november %v", r)
	}
	if r := december[1]; r[9] != "2026-11-30T23:00:00Z" || r[11] != "asked" || r[12] != "50" || r[14] != "50000" {
		t.Errorf("december %v", r)
	}
	sum := int64(0)
	for _, month := range [][][]string{november, december} {
		mcs, err := strconv.ParseInt(month[len(month)-1][4], 10, 64)
		w.must(err)
		sum += mcs
	}
	if used := w.count(`SELECT sum(used) FROM lots`); sum != used || used != 300_000 {
		t.Errorf("exports sum to %d, lots used %d", sum, used)
	}
}

func TestExportOfAMonthThatGoesOnHoldsWhatIsBooked(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(100_000_000, nil)
	_, nodes := w.running(1, 20_000, at(3500))
	w.proveUntil(3500, 3700, nodes...)
	if _, err := w.db.Books.SettleUsage(t.Context(), at(3705)); err != nil {
		t.Fatal(err)
	}
	rows := w.export("2026-11")
	if len(rows) != 3 || rows[1][10] != "2026-11-22T15:00:00Z" || rows[1][12] != "100" || rows[1][11] != "continues" {
		t.Errorf("%v", rows)
	}
	if empty := w.export("2026-10"); len(empty) != 2 || empty[1][4] != "0" {
		t.Errorf("%v", empty)
	}
	use, err := w.db.Books.EachRun(t.Context(), w.provider, billing.Month{Year: 2026, Month: 11}, func(billing.RunUse) error { return nil })
	if err != nil || len(use.Totals) != 1 || use.Totals[0].Hours != 100_000 || !use.Settled.Equal(time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v, %v", use, err)
	}
	month, err := w.db.Books.CurrentMonth(t.Context(), w.provider, time.Date(2026, 11, 30, 23, 30, 0, 0, time.UTC))
	if err != nil || month.String() != "2026-12" {
		t.Errorf("%v, %v", month, err)
	}
}

func TestExportRefusesAnUnknownProvider(t *testing.T) {
	w := newLedgerWorld(t)
	err := w.db.Books.ExportUsage(t.Context(), uuid.New(), billing.Month{Year: 2026, Month: 11}, billing.NewCSV(&bytes.Buffer{}, billing.UsageRuns))
	if err == nil || !strings.HasPrefix(err.Error(), "not_found") {
		t.Errorf("%v", err)
	}
}

func TestARunOverAClockChangeIsItsRealSeconds(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(100_000_000, nil)
	begin := time.Date(2026, 10, 25, 0, 59, 50, 0, time.UTC) // Berlin sets its clocks back at 01:00 UTC
	id, nodes := w.running(1, 3600, begin)
	for s := 5; s <= 20; s += 5 {
		w.prove(begin.Add(time.Duration(s)*time.Second), nodes...)
	}
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, begin.Add(time.Minute)))
	w.balance(0, 20, 99_980)
	if rows := w.export("2026-10"); rows[1][12] != "20" {
		t.Errorf("%v", rows)
	}
}
