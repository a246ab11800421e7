package billing

import (
	"cmp"
	"fmt"
	"slices"
)

// Parts is a sold lot with what became of its hours so far, and says what each of them cost. Use takes the lot's hours from
// the bottom; what goes without use, by expiry or refund, takes them from the top. A part is the difference of the lot's
// amount shared up to its two ends, both rounded half to even. So the parts of a finished lot sum to exactly what was paid,
// in whatever order they came, and what was used costs the same whether or not the rest lapsed.
//
//	0 ── Used ─▶          ◀─ Gone ── Bought
type Parts struct {
	Paid   Money
	Bought Hours
	Used   Hours
	Gone   Hours // expired or refunded
}

// Use takes hours at the bottom and gives what they cost. Hours below zero take back the last use: what that gives is
// negative, and as much as they would cost if they were used again.
func (p *Parts) Use(h Hours) (Money, error) {
	return p.take(Parts{p.Paid, p.Bought, p.Used + h, p.Gone})
}

// Go takes hours at the top that nobody used, and gives what was paid for them.
func (p *Parts) Go(h Hours) (Money, error) {
	return p.take(Parts{p.Paid, p.Bought, p.Used, p.Gone + h})
}

// take moves on to next, and gives what is left less there.
func (p *Parts) take(next Parts) (Money, error) {
	if err := next.check(); err != nil {
		return Money{}, err
	}
	cost := p.left() - next.left()
	*p = next
	return Money{Minor: cost, Currency: p.Paid.Currency}, nil
}

// Cost is what of the amount the use so far cost, what went with the hours that nobody used, and what is left.
func (p Parts) Cost() (used, gone, left Money, err error) {
	if err := p.check(); err != nil {
		return Money{}, Money{}, Money{}, err
	}
	money := func(minor int64) Money { return Money{Minor: minor, Currency: p.Paid.Currency} }
	below, above := share(p.Paid.Minor, p.Used, p.Bought), p.Paid.Minor-share(p.Paid.Minor, p.Bought-p.Gone, p.Bought)
	return money(below), money(above), money(p.left()), nil
}

func (p Parts) left() int64 {
	return share(p.Paid.Minor, p.Bought-p.Gone, p.Bought) - share(p.Paid.Minor, p.Used, p.Bought)
}

func (p Parts) check() error {
	if p.Bought <= 0 || p.Used < 0 || p.Gone < 0 || p.Used > p.Bought-p.Gone || p.Paid.Minor < 0 {
		return fmt.Errorf("use of %d and loss of %d of %d mcs for %s: %w", p.Used, p.Gone, p.Bought, p.Paid, ErrHours)
	}
	return nil
}

// UseLines is Use of the lines that the lot pays next, and gives each its cost. Costs are shared out in the order of the lines'
// digest, so that they do not depend on the order of lines.
func (p *Parts) UseLines(lines []Line) error {
	order := make([]int, len(lines))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Or(compareLines(lines[a], lines[b]), a-b) })
	for _, i := range order {
		cost, err := p.Use(lines[i].Hours)
		if err != nil {
			return err
		}
		lines[i].Cost = &cost
	}
	return nil
}
