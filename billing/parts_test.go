package billing

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// lotLife is a sold lot under random commands, with what each of its parts cost.
type lotLife struct {
	Parts
	available, held Hours
	used, gone      int64
}

func (l *lotLife) some(t *rapid.T, of Hours) Hours {
	return Hours(rapid.Int64Range(0, int64(of)).Draw(t, "hours"))
}

func (l *lotLife) hold(t *rapid.T) {
	h := l.some(t, l.available)
	l.available, l.held = l.available-h, l.held+h
}

func (l *lotLife) release(t *rapid.T) {
	h := l.some(t, l.held)
	l.available, l.held = l.available+h, l.held-h
}

func (l *lotLife) use(t *rapid.T) {
	h := l.some(t, l.held)
	l.held -= h
	l.used += l.cost(t, l.Use, h, 0, l.Paid.Minor)
}

// lose is an expiry or a refund.
func (l *lotLife) lose(t *rapid.T) {
	h := l.some(t, l.available)
	l.available -= h
	l.gone += l.cost(t, l.Go, h, 0, l.Paid.Minor)
}

// correct takes back use that was booked wrongly: the hours are there again.
func (l *lotLife) correct(t *rapid.T) {
	h := l.some(t, l.Used)
	l.available += h
	l.used += l.cost(t, l.Use, -h, -l.Paid.Minor, 0)
}

func (l *lotLife) cost(t *rapid.T, take func(Hours) (Money, error), h Hours, least, most int64) int64 {
	m, err := take(h)
	if err != nil || m.Minor < least || m.Minor > most || m.Currency != l.Paid.Currency {
		t.Fatalf("%d mcs cost %v, %v", h, m, err)
	}
	return m.Minor
}

// check holds after each command: whatever came before, the parts and what is left are what was paid.
func (l *lotLife) check(t *rapid.T) {
	used, gone, left, err := l.Cost()
	if err != nil || used.Minor != l.used || gone.Minor != l.gone {
		t.Fatalf("the parts cost %d and %d, their sums are %v and %v, %v", l.used, l.gone, used, gone, err)
	}
	if l.used+l.gone+left.Minor != l.Paid.Minor || left.Minor < 0 || l.used < 0 || l.gone < 0 {
		t.Fatalf("%d used, %d gone and %v left of %s", l.used, l.gone, left, l.Paid)
	}
	if l.Bought != l.available+l.held+l.Used+l.Gone {
		t.Fatalf("hours do not sum: %+v", l)
	}
}

// TestThePartsOfALotSumToWhatWasPaidInAnyOrder also finishes each lot: nothing is left of its amount then.
func TestThePartsOfALotSumToWhatWasPaidInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bought := Hours(rapid.Int64Range(1, 1e12).Draw(t, "bought"))
		l := &lotLife{Parts: Parts{Paid: Money{rapid.Int64Range(0, 1e12).Draw(t, "paid"), "EUR"}, Bought: bought}, available: bought}
		t.Repeat(map[string]func(*rapid.T){
			"hold": l.hold, "release": l.release, "use": l.use, "lose": l.lose, "correct": l.correct, "": l.check,
		})
		rest := l.held
		l.used += l.cost(t, l.Use, rest, 0, l.Paid.Minor)
		l.gone += l.cost(t, l.Go, l.available, 0, l.Paid.Minor)
		l.available, l.held = 0, 0
		l.check(t)
		if l.used+l.gone != l.Paid.Minor {
			t.Fatalf("the parts cost %d, %s was paid", l.used+l.gone, l.Paid)
		}
	})
}

func TestPartsRefuseWhatTheLotDoesNotHave(t *testing.T) {
	lot := Parts{Paid: Money{100, "EUR"}, Bought: 10, Used: 4, Gone: 3}
	for name, take := range map[string]func() (Money, error){
		"use beyond what is left":   func() (Money, error) { return lot.Use(4) },
		"loss beyond what is left":  func() (Money, error) { return lot.Go(4) },
		"more taken back than used": func() (Money, error) { return lot.Use(-5) },
		"more regained than lost":   func() (Money, error) { return lot.Go(-4) },
	} {
		if m, err := take(); !errors.Is(err, ErrHours) || lot.Used != 4 || lot.Gone != 3 {
			t.Errorf("%s: %v, %v, and the lot is %+v", name, m, err, lot)
		}
	}
	if _, _, _, err := (Parts{Paid: Money{1, "EUR"}}).Cost(); !errors.Is(err, ErrHours) {
		t.Errorf("a lot of nothing: %v", err)
	}
}
