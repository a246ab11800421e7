package books_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/store/books"
)

func (w *ledgerWorld) month(text string) billing.Month {
	w.t.Helper()
	m, err := billing.ParseMonth(text)
	w.must(err)
	return m
}

// focus reads a dataset of a month, of the provider or of the organization, as rows by column.
func (w *ledgerWorld) focus(s books.ExportScope, v billing.FocusVersion, dataset string) (rows []map[string]string) {
	w.t.Helper()
	var b bytes.Buffer
	w.must(w.db.Books.ExportFocus(w.t.Context(), s, v, dataset, billing.NewCSV(&b, dataset)))
	all, err := csv.NewReader(&b).ReadAll()
	w.must(err)
	for _, r := range all[1:] {
		row := map[string]string{}
		for i, cell := range r {
			row[all[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

// cents reads an amount with two decimals, exactly.
func (w *ledgerWorld) cents(s string) int64 {
	w.t.Helper()
	n, err := strconv.ParseInt(strings.Replace(s, ".", "", 1), 10, 64)
	w.must(err)
	return n
}

func (w *ledgerWorld) whole(s string) int64 {
	w.t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	w.must(err)
	return n
}

// correctAt books at the clock's time what corrections will.
func (w *ledgerWorld) correctAt(now time.Time, lot uuid.UUID, seq int64, h billing.Hours, second uuid.UUID) {
	w.t.Helper()
	w.must(w.db.Books.BookNow(w.t.Context(), lot, func(_ billing.LotBalance, parts billing.Parts) billing.Draft {
		d := billing.Draft{Kind: billing.KindCorrection, At: now, Event: now, Key: "correct:" + uuid.NewString(), By: w.person}
		d.Corrects = billing.Correction{Seq: seq, Reason: "the host's clock was wrong", SignedBy: second}
		d.Postings = []billing.Posting{{LotID: lot, Account: billing.Used, Hours: -h}, {LotID: lot, Account: billing.Available, Hours: h}}
		worth, err := parts.Use(-h)
		w.must(err)
		d.Move(billing.Deferred, billing.Revenue, lot, worth)
		return d
	}))
}

// TestExportsOfAllMonthsTieToTheLedger buys, grants, uses, gives back, corrects and lets lapse over four months, at random. Over all files
// each commitment's purchases were billed what its usage cost, in both versions and on both sides, and every month's use is what
// the ledger's postings say.
func TestExportsOfAllMonthsTieToTheLedger(t *testing.T) {
	start := time.Date(2026, 9, 10, 12, 0, 0, 0, time.UTC)
	w := newLedgerWorldAt(t, start)
	second := w.another()
	lots := map[uuid.UUID]bool{w.grant(5_000_000, nil): true}
	now := start
	for range 12 {
		now = now.Add(time.Duration(3+rand.IntN(4)) * 24 * time.Hour).Truncate(time.Second)
		w.clock.Set(now)
		w.settle()
		lot := w.sell(billing.Hours(2_000_000+rand.Int64N(90_000_000)), uuid.Nil, 3+rand.IntN(20), "0042")
		lots[lot] = true
		id, nodes := w.running(1+rand.IntN(2), 40, now)
		w.prove(now.Add(time.Duration(5+rand.IntN(20))*time.Second), nodes...)
		now = now.Add(time.Minute)
		w.clock.Set(now)
		w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
		w.must(w.db.Books.ReleaseNow(t.Context(), id, now))
		if rand.IntN(2) == 0 {
			w.must(w.creditNote(lot, func(available billing.Hours) billing.Hours { return 1 + billing.Hours(rand.Int64N(int64(available))) }))
		}
		var of uuid.UUID
		var seq, hours int64
		if w.pool.QueryRow(t.Context(), `SELECT p.lot_id, p.seq, p.hours FROM ledger_postings p WHERE account = 'used' AND hours > 0
			AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.wallet_id = p.wallet_id AND e.corrects = p.seq) ORDER BY random() LIMIT 1`).Scan(&of, &seq, &hours) == nil {
			w.correctAt(now, of, seq, billing.Hours(1+rand.Int64N(hours)), second)
		}
	}
	now = now.AddDate(0, 1, 0)
	w.clock.Set(now)
	w.settle() // the rest lapses
	w.verified()
	months := []string{"2026-09", "2026-10", "2026-11", "2026-12", "2027-01", "2027-02"}
	for name, s := range map[string]books.ExportScope{"the provider": {Provider: w.provider}, "the organization": {Organization: w.org}} {
		for _, v := range []billing.FocusVersion{billing.Focus14, billing.Focus12} {
			billed, effective, used := map[string]int64{}, map[string]int64{}, int64(0)
			for _, month := range months {
				s.Month = w.month(month)
				inMonth := int64(0)
				for _, r := range w.focus(s, v, billing.FocusCharges) {
					lot := r["CommitmentDiscountId"]
					switch r["ChargeCategory"] {
					case "Purchase":
						billed[lot] += w.cents(r["BilledCost"])
						if w.cents(r["EffectiveCost"]) != 0 {
							t.Errorf("a purchase costs %s", r["EffectiveCost"])
						}
					case "Usage":
						effective[lot] += w.cents(r["EffectiveCost"])
						if w.cents(r["BilledCost"]) != 0 {
							t.Errorf("use is billed %s", r["BilledCost"])
						}
						if r["CommitmentDiscountStatus"] == "Used" {
							inMonth += w.whole(r["x_ComputeMilliseconds"])
						}
					}
				}
				totals := w.exported(month, billing.UsageAll)
				if got := totals[len(totals)-1][4]; w.whole(got) != inMonth {
					t.Errorf("%s of %s, %s: FOCUS has %d mcs, the usage file %s", month, name, v, inMonth, got)
				}
				runs := int64(0)
				for _, r := range w.exported(month, billing.UsageRuns)[1:] {
					runs += w.whole(r[14])
				}
				if runs != inMonth {
					t.Errorf("%s: the lines of the usage file sum to %d, not %d", month, runs, inMonth)
				}
				used += inMonth
			}
			if ledger := w.count(`SELECT coalesce(sum(hours), 0)::bigint FROM ledger_postings WHERE account = 'used'`); ledger != used || used == 0 {
				t.Errorf("%s, %s: %d mcs, the ledger has %d", name, v, used, ledger)
			}
			for lot := range lots {
				if id := lot.String(); billed[id] != effective[id] {
					t.Errorf("%s, %s: lot %s was billed %d and cost %d", name, v, id, billed[id], effective[id])
				}
			}
			if sum := w.count(`SELECT coalesce(sum(-amount), 0)::bigint FROM money_postings WHERE account IN ('revenue', 'breakage')`); sum != total(effective) || sum == 0 {
				t.Errorf("%s, %s: costs of %d, the ledger earned %d", name, v, total(effective), sum)
			}
		}
	}
	commitments := w.focus(books.ExportScope{Provider: w.provider, Month: w.month("2026-10")}, billing.Focus14, billing.FocusCommitments)
	if want := w.count(`SELECT count(*) FROM lots WHERE created_at < '2026-11-01 00:00 Europe/Berlin' AND (expires_at IS NULL OR expires_at >= '2026-10-01 00:00 Europe/Berlin')`); int64(len(commitments)) < want || want == 0 {
		t.Errorf("%d commitments in October, want %d", len(commitments), want)
	}
	if err := w.db.Books.ExportFocus(t.Context(), books.ExportScope{Month: w.month("2026-10")}, billing.Focus14, billing.FocusCharges, billing.NewCSV(io.Discard, billing.FocusCharges)); err == nil {
		t.Error("an export of nobody is made")
	}
	w.groupTies("2026-10")
}

func total(sums map[string]int64) (sum int64) {
	for _, n := range sums {
		sum += n
	}
	return sum
}

// groupTies asserts that the organization's file has the provider's mcs, corrections among them.
func (w *ledgerWorld) groupTies(month string) {
	w.t.Helper()
	var b bytes.Buffer
	w.must(w.db.Books.ExportGroupUsage(w.t.Context(), w.org, books.GroupFilter{Month: w.month(month)}, billing.NewCSV(&b, billing.GroupPeople)))
	rows, err := csv.NewReader(&b).ReadAll()
	w.must(err)
	sum, column := int64(0), 0
	for i, name := range rows[0] {
		if name == "mcs" {
			column = i
		}
	}
	for _, r := range rows[1:] {
		sum += w.whole(r[column])
	}
	totals := w.exported(month, billing.UsageAll)
	if got := w.whole(totals[len(totals)-1][4]); got != sum {
		w.t.Errorf("the people of %s used %d, the provider's file has %d", month, sum, got)
	}
}

// apel reads the records of a UTC month by the machine's id.
func (w *ledgerWorld) apel(s books.ExportScope) map[string]map[string]string {
	w.t.Helper()
	var b bytes.Buffer
	w.must(w.db.Books.ExportApel(w.t.Context(), s, "", &b))
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	w.must(err)
	records := map[string]map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		w.must(err)
		text, err := io.ReadAll(r)
		w.must(err)
		body := strings.TrimPrefix(string(text), "APEL-cloud-message: v0.4\n")
		for _, part := range strings.Split(body, "%%\n") {
			record := map[string]string{}
			for line := range strings.Lines(part) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				record[key] = value
			}
			if records[record["VMUUID"]] != nil {
				w.t.Errorf("two records of %s", record["VMUUID"])
			}
			records[record["VMUUID"]] = record
		}
	}
	return records
}

// TestARunOverAMonthsEndInEveryFormat: the provider's month parts usage and FOCUS at its own zone's end, UTC's month parts APEL, and the
// parts sum to the run.
func TestARunOverAMonthsEndInEveryFormat(t *testing.T) {
	for zone, end := range map[string]time.Time{
		"Europe/Berlin":   time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC),
		"Asia/Kolkata":    time.Date(2026, 11, 30, 18, 30, 0, 0, time.UTC),
		"Atlantic/Azores": time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC),
	} {
		t.Run(zone, func(t *testing.T) {
			begin, utc, stop := end.Add(-2*time.Minute), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), end.Add(3*time.Minute)
			if begin.After(utc.Add(-2 * time.Minute)) {
				begin = utc.Add(-2 * time.Minute)
			}
			if stop.Before(utc.Add(3 * time.Minute)) {
				stop = utc.Add(3 * time.Minute)
			}
			w := newLedgerWorldAt(t, begin)
			w.exec(`UPDATE providers SET accounting_zone = $2 WHERE id = $1`, w.provider, zone)
			w.sell(90_000_000, uuid.Nil, 10, "")
			id, nodes := w.running(1, 8*3600, begin)
			for round := begin.Add(10 * time.Second); !round.After(stop); round = round.Add(10 * time.Second) {
				w.clock.Set(round)
				w.prove(round, nodes...)
			}
			w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
			w.must(w.db.Books.ReleaseNow(t.Context(), id, stop))
			all := int64(stop.Sub(begin).Seconds())
			for month, seconds := range map[string]int64{"2026-11": int64(end.Sub(begin).Seconds()), "2026-12": int64(stop.Sub(end).Seconds())} {
				sum := int64(0)
				for _, r := range w.focus(books.ExportScope{Organization: w.org, Month: w.month(month)}, billing.Focus14, billing.FocusCharges) {
					if r["ChargeCategory"] == "Usage" {
						sum += w.whole(r["x_ComputeMilliseconds"])
					}
					if r["BillingPeriodStart"] != stampOf(w.month(month), zone) {
						t.Errorf("%s begins at %s", month, r["BillingPeriodStart"])
					}
				}
				rows := w.exported(month, billing.UsageAll)
				if got := w.whole(rows[len(rows)-1][4]); sum != seconds*1000 || got != sum {
					t.Errorf("%s: FOCUS has %d mcs and the usage file %d, want %d", month, sum, got, seconds*1000)
				}
			}
			for month, wall := range map[string]int64{"2026-11": int64(utc.Sub(begin).Seconds()), "2026-12": all} {
				r := w.apel(books.ExportScope{Provider: w.provider, Month: w.month(month)})[nodes[0].String()]
				created := time.Unix(w.whole(r["RecordCreateTime"]), 0).UTC()
				if w.whole(r["WallDuration"]) != wall || w.whole(r["SuspendDuration"]) > int64(time.Minute.Seconds()) || created.Format("2006-01") != month {
					t.Errorf("APEL of %s: wall %s, want %d; %v", month, r["WallDuration"], wall, r)
				}
			}
		})
	}
}

func stampOf(m billing.Month, zone string) string {
	place, err := time.LoadLocation(zone)
	if err != nil {
		return err.Error()
	}
	return m.Period(place).From.Format("2006-01-02T15:04:05Z")
}

// TestApelOverRestarts follows a machine over two runs, three UTC months and its end: totals since it began, one record a month, and none
// after the month of its last proof of life. Another organization's machines are not in its file.
func TestApelOverRestarts(t *testing.T) {
	begin := time.Date(2026, 10, 31, 23, 50, 0, 0, time.UTC)
	w := newLedgerWorldAt(t, begin)
	w.sell(90_000_000, uuid.Nil, 90, "")
	id, nodes := w.running(1, 8*3600, begin)
	run := func(from time.Time, seconds int) {
		for s := 5; s <= seconds; s += 5 {
			w.clock.Set(from.Add(time.Duration(s) * time.Second))
			w.prove(from.Add(time.Duration(s)*time.Second), nodes...)
		}
		w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	}
	run(begin, 100)
	again := time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)
	w.clock.Set(again)
	w.ready(id, again)
	run(again, 60)
	w.clock.Set(again.Add(time.Hour))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, again.Add(time.Hour)))
	w.exec(`UPDATE nodes SET desired = 'gone', state = 'gone', image_id = NULL WHERE id = $1`, nodes[0])
	w.clock.Set(time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC))
	monthEnd := func(y int, m time.Month) int64 { return time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC).Unix() - 1 }
	for _, c := range []struct {
		month, status, end string
		wall, suspended    int64
	}{
		{"2026-10", "stopped", "NULL", 100, monthEnd(2026, 10) - begin.Unix() - 100},
		{"2026-11", "stopped", "NULL", 100, monthEnd(2026, 11) - begin.Unix() - 100},
		{"2026-12", "completed", strconv.FormatInt(again.Unix()+60, 10), 160, again.Unix() - begin.Unix() - 100},
	} {
		r := w.apel(books.ExportScope{Organization: w.org, Month: w.month(c.month)})[nodes[0].String()]
		if r["Status"] != c.status || r["EndTime"] != c.end || w.whole(r["WallDuration"]) != c.wall || w.whole(r["SuspendDuration"]) != c.suspended || r["CpuDuration"] != r["WallDuration"] ||
			w.whole(r["StartTime"]) != begin.Unix() {
			t.Errorf("%s: %v\nwant %+v", c.month, r, c)
		}
	}
	for _, month := range []string{"2026-09", "2027-01", "2027-06"} {
		if got := w.apel(books.ExportScope{Provider: w.provider, Month: w.month(month)}); len(got) > 1 || got[nodes[0].String()] != nil {
			t.Errorf("%s has %v", month, got)
		}
	}
	if got := w.apel(books.ExportScope{Organization: w.another(), Month: w.month("2026-12")}); got[nodes[0].String()] != nil {
		t.Errorf("another organization's file has %v", got)
	}
	if seconds := w.count(`SELECT sum(extract(epoch FROM to_at - from_at))::bigint FROM usage_lines`); seconds != 160 {
		t.Errorf("%d s are booked", seconds)
	}
}
