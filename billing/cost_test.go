package billing

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// TestCostsOfALotSumToWhatWasPaid cuts a lot into lines, and the lines into entries, in any way.
func TestCostsOfALotSumToWhatWasPaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paid := Money{rapid.Int64Range(0, 1<<53).Draw(t, "paid"), "EUR"}
		parts := rapid.SliceOfN(rapid.Int64Range(1, 1<<40), 1, 40).Draw(t, "parts")
		var bought Hours
		var lines []Line
		for i, p := range parts {
			bought += Hours(p)
			at := time.Unix(int64(i)*3600, 0).UTC()
			lines = append(lines, Line{Segment: Segment{RunID: uuid.UUID{byte(p)}, From: at, To: at.Add(time.Hour)}, Hours: Hours(p)})
		}
		lot := Parts{Paid: paid, Bought: bought}
		var sum int64
		for rest := lines; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "lines of an entry")
			if err := lot.UseLines(rest[:n]); err != nil {
				t.Fatal(err)
			}
			for _, l := range rest[:n] {
				if c := l.Cost; c.Minor < 0 || c.Minor > paid.Minor || c.Currency != paid.Currency {
					t.Fatalf("line of %d mcs costs %s of %s", l.Hours, c, paid)
				}
				sum += l.Cost.Minor
			}
			rest = rest[n:]
		}
		if sum != paid.Minor {
			t.Fatalf("the parts cost %d, %d was paid", sum, paid.Minor)
		}
	})
}

func TestCostsDoNotDependOnTheOrderOfLines(t *testing.T) {
	at := func(h int) time.Time { return time.Unix(int64(h)*3600, 0).UTC() }
	a := Line{Segment: Segment{RunID: uuid.UUID{1}, From: at(0), To: at(1)}, Hours: 1}
	b := Line{Segment: Segment{RunID: uuid.UUID{2}, From: at(0), To: at(1)}, Hours: 1}
	fresh := Parts{Paid: Money{1, "EUR"}, Bought: 2}
	lot := fresh
	there, back := []Line{a, b}, []Line{b, a}
	if err := lot.UseLines(there); err != nil {
		t.Fatal(err)
	}
	lot = fresh
	if err := lot.UseLines(back); err != nil || *there[0].Cost != *back[1].Cost || *there[1].Cost != *back[0].Cost {
		t.Errorf("%v, turned around %v, %v", there, back, err)
	}
	lot = Parts{Paid: Money{1, "EUR"}, Bought: 2, Used: 1}
	if err := lot.UseLines([]Line{a, b}); !errors.Is(err, ErrHours) {
		t.Errorf("more than the lot has: %v", err)
	}
}

func TestNarrowedLotsPayOnTheirPoolAlone(t *testing.T) {
	here, there := uuid.UUID{1}, uuid.UUID{2}
	now := time.Unix(0, 0)
	lots := []Lot{
		{ID: uuid.UUID{11}, Available: 5, PoolID: there, ExpiresAt: now.Add(time.Minute)},
		{ID: uuid.UUID{12}, Available: 5, PoolID: here, ExpiresAt: now.Add(3 * time.Hour)},
		{ID: uuid.UUID{13}, Available: 5, ExpiresAt: now.Add(2 * time.Hour)},
	}
	shares, err := Authorise(7, lots, here, now)
	if err != nil || len(shares) != 2 || shares[0] != (Share{lots[2].ID, 5}) || shares[1] != (Share{lots[1].ID, 2}) {
		t.Errorf("%v, %v", shares, err)
	}
	var short *Shortage
	if _, err := Authorise(11, lots, here, now); !errors.As(err, &short) || short.Available != 10 || short.Elsewhere != 5 {
		t.Errorf("%v", err)
	}
	if len(lots) != 3 || lots[0].PoolID != there {
		t.Error("Authorise changed what it was given")
	}
}
