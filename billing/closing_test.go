package billing

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/typed"
)

func closedNovember() (Month, Period, AsOf) {
	m := Month{2026, time.November}
	p := m.Period(time.UTC)
	return m, p, AsOf{Made: p.To, Settled: p.To, Closed: true}
}

func TestTrialBalance(t *testing.T) {
	_, p, known := closedNovember()
	sums := []AccountSum{{Receivable, "1400", "EUR", 0, 1000, 0}, {Deferred, "", "EUR", 0, 300, 1000}, {Revenue, "8400", "EUR", 0, 0, 300}}
	var b bytes.Buffer
	if err := WriteTrialBalance(NewCSV(&b, TrialBalance), p, known, sums); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"receivable,1400,EUR,0.00,10.00,0.00,10.00,", "deferred,deferred,EUR,0.00,3.00,10.00,-7.00,", "2026-12-01T00:00:00Z,closed"} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("no %q in\n%s", line, b.String())
		}
	}
	sums[0].Debit++
	if err := WriteTrialBalance(NewCSV(&b, TrialBalance), p, known, sums); !errors.Is(err, ErrUntied) {
		t.Error(err)
	}
	sums[0].Debit, sums[0].Opening = 1000, 1
	if err := WriteTrialBalance(NewCSV(&b, TrialBalance), p, known, sums); !errors.Is(err, ErrUntied) {
		t.Error(err)
	}
}

func TestRollForward(t *testing.T) {
	_, p, known := closedNovember()
	lot := LotRoll{LotID: uuid.New(), Currency: "EUR", Opening: 100, Sold: 1000, Used: 300, Expired: 20, Refunded: 30, Closed: 750, Left: 750}
	write := func(l LotRoll, all int64) (string, error) {
		var b bytes.Buffer
		w, err := NewRollForward(NewCSV(&b, RollTotals), p, known)
		if err != nil {
			return "", err
		}
		return b.String(), errors.Join(w.Lot(l), w.Finish([]Money{{all, "EUR"}}))
	}
	if _, err := write(lot, 750); err != nil {
		t.Error(err)
	}
	if _, err := write(lot, 751); !errors.Is(err, ErrUntied) {
		t.Errorf("a lot without a row: %v", err)
	}
	lot.Left++
	if _, err := write(lot, 751); !errors.Is(err, ErrUntied) {
		t.Errorf("a lot that says something else: %v", err)
	}
}

func TestJournalFile(t *testing.T) {
	m, _, known := closedNovember()
	var b bytes.Buffer
	w, err := NewJournalWriter(NewCSV(&b, JournalLines), m, known)
	if err != nil {
		t.Fatal(err)
	}
	line := JournalLine{Date: typed.Day{Year: 2026, Month: 10, Day: 31}, BookedAt: known.Made, Seq: 7, Kind: KindUse, Account: Deferred, LotID: uuid.New(), Amount: Money{250, "EUR"}}
	credit := line
	credit.Account, credit.Code, credit.Amount.Minor = Revenue, "8400", -250
	if err := errors.Join(w.Line(line), w.Finish()); !errors.Is(err, ErrUntied) {
		t.Errorf("one side alone: %v", err)
	}
	if err := errors.Join(w.Line(credit), w.Finish()); err != nil {
		t.Error(err)
	}
	for _, cells := range []string{"2026-10-31,2026-11,", ",use,deferred,deferred,2.50,,EUR,", ",use,revenue,8400,,2.50,EUR,"} {
		if !strings.Contains(b.String(), cells) {
			t.Errorf("no %q in\n%s", cells, b.String())
		}
	}
}

func TestStatementSumsUp(t *testing.T) {
	m, p, _ := closedNovember()
	s := Statement{
		Month: m, MadeAt: p.To, Head: Head{Seq: 7}, Currency: "EUR", Hours: StatementHours{Opening: 5, Bought: 100, Granted: 10, Used: 30, Expired: 4, Refunded: 1, Closing: 80},
		Prepaid: StatementPrepaid{Opening: 50, Sold: 1000, Used: 300, Expired: 40, Refunded: 10, Closing: 700}, Owed: StatementOwed{Opening: 7, Invoiced: 1000, Paid: 900, Settled: 10, Closing: 97},
	}
	sums := map[string]int64{}
	for _, l := range s.Lines() {
		if l.What != "closing" {
			sums[l.Account] += int64(l.Hours) + l.Minor
		} else if sums[l.Account] != int64(l.Hours)+l.Minor {
			t.Errorf("%s sums to %d, and closes with %d", l.Account, sums[l.Account], int64(l.Hours)+l.Minor)
		}
	}
	for _, used := range []Hours{30, 29} {
		var b bytes.Buffer
		w, err := NewStatementWriter(NewCSV(&b, StatementUses), s)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(w.Use(StatementUse{ClusterID: uuid.New(), ClusterName: "trial", Hours: used, Cost: Cost{300, "EUR"}}), w.Finish())
		if (used == 30) != (err == nil) {
			t.Errorf("uses of %d: %v", used, err)
		}
		if marks, err := ReadMarks("statement", b.Bytes()); used == 30 && (err != nil || len(marks) != 1) {
			t.Errorf("%v, %v", marks, err)
		}
	}
}
