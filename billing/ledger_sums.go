package billing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// NamedFact is a fact with the words that a person knows its subject by.
type NamedFact struct {
	Fact
	Name string
}

// CompareFacts compares what entries say of lots, orders and invoices with what these are, each way, in the order of the entries.
func (a *Audit) CompareFacts(found []NamedFact) *Difference {
	type key struct {
		what string
		id   uuid.UUID
	}
	kept := map[key]NamedFact{}
	for _, f := range found {
		kept[key{f.What, f.ID}] = f
	}
	differ := func(seq int64, what string, expected, found any) *Difference {
		return &Difference{Journal: a.head.Journal, Seq: seq, What: what, Expected: fmt.Sprint(expected), Found: fmt.Sprint(found)}
	}
	said := slices.SortedFunc(maps.Keys(a.facts), func(x, y Fact) int {
		return cmp.Or(cmp.Compare(a.facts[x], a.facts[y]), strings.Compare(x.What, y.What), strings.Compare(x.ID.String(), y.ID.String()))
	})
	for _, f := range said {
		is, ok := kept[key{f.What, f.ID}]
		switch {
		case !ok:
			return differ(a.facts[f], f.What+" "+f.ID.String(), "there", "missing")
		case is.Digest != f.Digest:
			return differ(a.facts[f], "the digest of "+is.Name, f.Digest, is.Digest)
		}
		delete(kept, key{f.What, f.ID})
	}
	for _, f := range found {
		if _, ok := kept[key{f.What, f.ID}]; ok {
			return differ(0, f.Name, "in an entry", "in none")
		}
	}
	return nil
}

// SoldLot is what there is to compare of a lot that was paid for: the amount that is on the invoice (-1: on none), and what its lines cost
// without what corrections took back. Gone is what expired or was refunded.
type SoldLot struct {
	ID                           uuid.UUID
	Bought, Used, Gone, Refunded Hours
	Paid                         Money
	Invoiced, Cost               int64
	Credited                     Credited // by credit notes
	Unpriced                     int      // lines without a cost
}

// Credited is what credit notes took back of a lot.
type Credited struct {
	Hours Hours
	Minor int64
}

// Differs compares the lot with what its accounts hold, by the share of its amount that is used, gone and left. Nothing differs where what is
// empty; an error is of hours or an amount that no lot has.
func (l SoldLot) Differs(worth LotWorth) (what string, expected, found any, err error) {
	used, gone, left, err := Parts{Paid: l.Paid, Bought: l.Bought, Used: l.Used, Gone: l.Gone}.Cost()
	if err != nil {
		return "", nil, nil, err
	}
	// What was paid for hours that were taken back is on no account of the lot.
	want := LotWorth{Deferred: left.Minor, Revenue: used.Minor, Breakage: gone.Minor - l.Credited.Minor}
	switch of := " of lot " + l.ID.String(); {
	case l.Invoiced != l.Paid.Minor:
		return "the invoiced amount" + of, l.Paid.Minor, l.Invoiced, nil
	case l.Unpriced > 0:
		return "the lines without a cost" + of + ", which was sold", 0, l.Unpriced, nil
	case l.Cost != used.Minor:
		return "the cost of the use" + of, used.Minor, l.Cost, nil
	case l.Refunded != l.Credited.Hours:
		return "the refunded hours" + of + " in mcs", int64(l.Credited.Hours), int64(l.Refunded), nil
	case worth != want:
		return "what is deferred, earned and lapsed" + of + " in minor units", want, worth, nil
	default:
		return "", nil, nil, nil
	}
}

// fileJournal is a journal of an exported ledger while it is read.
type fileJournal struct {
	audit                  *Audit
	provider, organization string
	lines                  int
	costs                  map[uuid.UUID]int64 // of the lines of each lot, without what corrections took back
	unpriced               map[uuid.UUID]int
	runs                   map[uuid.UUID][]runRange
	accounts               map[Currency]map[MoneyAccount]int64
	terms                  []Terms
	facts                  []NamedFact
	sold                   []LotTerms
	invoiced               map[uuid.UUID]int64 // by order
	credited               map[uuid.UUID]Credited
}

// runRange is what one line has of a run, in seconds of Unix time.
type runRange struct{ from, to, rate, mcs int64 }

func newFileJournal(j Journal, unordered int64) *fileJournal {
	return &fileJournal{
		audit: NewAudit(j, unordered), costs: map[uuid.UUID]int64{}, unpriced: map[uuid.UUID]int{}, runs: map[uuid.UUID][]runRange{},
		accounts: map[Currency]map[MoneyAccount]int64{}, invoiced: map[uuid.UUID]int64{}, credited: map[uuid.UUID]Credited{},
	}
}

func (j *fileJournal) next(e Entry, lines []Line) *Difference {
	if d := j.audit.Next(e, lines); d != nil {
		return d
	}
	j.lines += len(lines)
	for _, l := range lines {
		j.runs[l.RunID] = append(j.runs[l.RunID], runRange{l.From.Unix(), l.To.Unix(), int64(l.Rate), int64(l.Hours)})
		if l.Cost == nil {
			j.unpriced[l.LotID]++
		} else {
			j.costs[l.LotID] += l.Cost.Minor
		}
	}
	for _, p := range e.Money {
		if j.accounts[p.Currency] == nil {
			j.accounts[p.Currency] = map[MoneyAccount]int64{}
		}
		j.accounts[p.Currency][p.Account] += p.Minor
		if e.Kind == KindCorrection && p.Account == Revenue {
			j.costs[p.LotID] -= p.Minor
		}
	}
	return nil
}

func (j *fileJournal) finish(h headRow) *Difference {
	head := j.audit.Head()
	if h.Seq != head.Seq || h.Hash != head.Hash.String() {
		return j.differs("the last entry", fmt.Sprintf("%d (%s)", h.Seq, h.Hash), fmt.Sprintf("%d (%s)", head.Seq, head.Hash))
	}
	for _, check := range []func() *Difference{
		j.audit.Lacking, j.compareLots, j.compareRuns, func() *Difference { return j.audit.CompareFacts(j.facts) }, j.compareSold,
		func() *Difference { return j.audit.CompareMoney(j.terms) },
	} {
		if d := check(); d != nil {
			return d
		}
	}
	return nil
}

// compareLots finds a lot of the entries that the file has no row of.
func (j *fileJournal) compareLots() *Difference {
	n := 0
	for _, t := range j.facts {
		if t.What == FactLot {
			n++
		}
	}
	if want := len(j.audit.Balances().Lots); n != want {
		return j.differs("the number of lots", want, n)
	}
	return nil
}

// compareRuns looks that the ranges of each run follow one another, each with its seconds × rate.
func (j *fileJournal) compareRuns() *Difference {
	for _, id := range slices.SortedFunc(maps.Keys(j.runs), compareID) {
		ranges := j.runs[id]
		slices.SortFunc(ranges, func(a, b runRange) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
		of := " of run " + id.String()
		var last runRange
		for i := 0; i < len(ranges); {
			r := ranges[i]
			for i++; i < len(ranges) && ranges[i].from == r.from && ranges[i].to == r.to; i++ {
				r.mcs += ranges[i].mcs // another lot paid the rest
			}
			switch {
			case last.to != 0 && r.from < last.to:
				return j.differs("each booked second"+of, "in one line", "in two from "+unixText(r.from)+" to "+unixText(min(r.to, last.to)))
			case last.to != 0 && r.from > last.to:
				return j.differs("each booked second"+of, "in one line", "in none from "+unixText(last.to)+" to "+unixText(r.from))
			case r.mcs != (r.to-r.from)*r.rate:
				return j.differs("the booked use from "+unixText(r.from)+of, "its seconds at the rate", "something else")
			}
			last = r
		}
	}
	return nil
}

func unixText(s int64) string { return time.Unix(s, 0).UTC().Format(time.RFC3339) }

// compareSold compares what was sold with what is on paper, what its use cost, and what is owed for it.
func (j *fileJournal) compareSold() *Difference {
	owed := map[Currency]int64{}
	b := j.audit.Balances()
	for _, l := range j.sold {
		invoiced, ok := j.invoiced[l.Order]
		if !ok {
			invoiced = -1
		}
		has := b.Lots[l.ID]
		s := SoldLot{
			ID: l.ID, Bought: has.Bought, Used: has.Used, Gone: has.Expired + has.Refunded, Refunded: has.Refunded, Paid: *l.Paid,
			Invoiced: invoiced, Cost: j.costs[l.ID], Unpriced: j.unpriced[l.ID], Credited: j.credited[l.ID],
		}
		owed[l.Paid.Currency] += invoiced
		what, expected, found, err := s.Differs(b.Worth[l.ID])
		if err != nil {
			return j.differs("lot "+l.ID.String(), "a lot", err)
		}
		if what != "" {
			return j.differs(what, expected, found)
		}
	}
	for _, t := range j.terms {
		if i, ok := t.(Paper); ok {
			owed[i.Net.Currency] += sumOfTaxes(i.Taxes)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(owed)) {
		if b.Owed[c] != owed[c] {
			return j.differs("what is owed for sold hours in minor units of "+string(c), owed[c], b.Owed[c])
		}
	}
	return nil
}

func (j *fileJournal) verified() VerifiedJournal {
	head := j.audit.Head()
	v := VerifiedJournal{
		Journal: head.Journal, Provider: j.provider, Organization: j.organization, Head: head, Lines: j.lines, Runs: len(j.runs), Vouchers: j.audit.Vouchers,
	}
	for _, c := range slices.Sorted(maps.Keys(j.accounts)) {
		a := j.accounts[c]
		v.Bill = append(v.Bill, Bill{
			Currency: c, Invoiced: j.audit.Balances().Owed[c], Used: -a[Revenue], Lapsed: -a[Breakage], Left: -a[Deferred], Paid: a[Bank], Owed: a[Receivable] + a[Credit],
		})
	}
	return v
}
