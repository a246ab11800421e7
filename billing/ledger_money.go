package billing

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// movedKey names what entries of a kind moved on an account.
type movedKey struct {
	kind     Kind
	account  MoneyAccount
	currency Currency
}

// moveMoney adds the postings of money, and refuses a debt or a credit below zero.
func (a *Audit) moveMoney(e Entry) *Difference {
	for _, p := range e.Money {
		if p.Account == Receivable && (e.Kind == KindGrant || e.Kind == KindOpening) {
			a.balances.Owed[p.Currency] += p.Minor
		}
		if p.LotID != uuid.Nil {
			w := a.balances.Worth[p.LotID]
			w.add(p)
			a.balances.Worth[p.LotID] = w
		}
		a.moved[movedKey{e.Kind, p.Account, p.Currency}] += p.Minor
		a.moved[movedKey{"", p.Account, p.Currency}] += p.Minor
	}
	for _, p := range e.Money {
		left := a.moved[movedKey{"", p.Account, p.Currency}]
		if p.Account == Credit {
			left = -left
		}
		if (p.Account == Receivable || p.Account == Credit) && left < 0 {
			return &Difference{
				Journal: e.Journal, Seq: e.Seq, What: fmt.Sprintf("the account %s in minor units of %s", p.Account, p.Currency), Expected: "zero or more", Found: fmt.Sprint(left),
			}
		}
	}
	return nil
}

// Owes is what the organization owes by the entries so far, and what its credit is, in minor units.
func (a *Audit) Owes(c Currency) (receivable, credit int64) {
	return a.moved[movedKey{"", Receivable, c}], -a.moved[movedKey{"", Credit, c}]
}

// paperSums are what papers and payments come to in one currency, in minor units.
type paperSums struct{ received, repaid, settled, off, credited, taxed, untaxed int64 }

// CompareMoney compares what the entries moved with what payments say, and what these settle with the invoices.
func (a *Audit) CompareMoney(terms []Terms) *Difference {
	differ := func(what string, expected, found any) *Difference {
		return &Difference{Journal: a.head.Journal, What: what, Expected: fmt.Sprint(expected), Found: fmt.Sprint(found)}
	}
	sums, open, invoices := map[Currency]paperSums{}, map[uuid.UUID]int64{}, map[uuid.UUID]Paper{}
	for k := range a.moved {
		sums[k.currency] = paperSums{}
	}
	for _, t := range terms {
		switch t := t.(type) {
		case Paper:
			invoices[t.ID], open[t.ID] = t, open[t.ID]+t.Total()
			s := sums[t.Net.Currency]
			s.taxed += sumOfTaxes(t.Taxes)
			sums[t.Net.Currency] = s
		case CreditNote:
			s := sums[t.Net.Currency]
			s.off, s.credited, s.untaxed = s.off+t.Off, s.credited+t.Total()-t.Off, s.untaxed+sumOfTaxes(t.Taxes)
			sums[t.Net.Currency] = s
			open[t.InvoiceID] -= t.Off
		case PaymentTerms:
			s := sums[t.Amount.Currency]
			switch t.Kind {
			case PaymentReceived:
				s.received += t.Amount.Minor
			case PaymentRepaid:
				s.repaid += t.Amount.Minor
			case PaymentCredit:
			}
			s.settled += t.Allocated()
			sums[t.Amount.Currency] = s
			for _, x := range t.To {
				open[x.InvoiceID] -= x.Minor
			}
		}
	}
	for _, c := range slices.Sorted(maps.Keys(sums)) {
		s, in := sums[c], " in minor units of "+string(c)
		for _, x := range []struct {
			what           string
			want, accounts int64
		}{
			{"what was received", s.received, a.moved[movedKey{KindPayment, Bank, c}]},
			{"what was paid back", s.repaid, -a.moved[movedKey{KindRefund, Bank, c}]},
			{"what payments settled", s.settled, -a.moved[movedKey{KindPayment, Receivable, c}]},
			{"what credit notes took off invoices", s.off, -a.moved[movedKey{KindCreditNote, Receivable, c}]},
			{"the output tax of invoices", s.taxed, -a.moved[movedKey{KindGrant, Tax, c}]},
			{"the output tax of credit notes", s.untaxed, a.moved[movedKey{KindCreditNote, Tax, c}]},
			{"what credit notes made credit", s.credited, -a.moved[movedKey{KindCreditNote, Credit, c}]},
		} {
			if x.want != x.accounts {
				return differ(x.what+in, x.want, x.accounts)
			}
		}
	}
	if d := compareOpen(open, invoices, differ); d != nil {
		return d
	}
	return compareTaxes(terms, differ)
}

// compareOpen looks for invoices that are paid and are not there, or of which more was paid or taken off than they are.
func compareOpen(open map[uuid.UUID]int64, invoices map[uuid.UUID]Paper, differ func(what string, expected, found any) *Difference) *Difference {
	for _, id := range slices.SortedFunc(maps.Keys(open), compareID) {
		i, ok := invoices[id]
		switch {
		case !ok:
			return differ("invoice "+id.String()+", which a payment or credit note is for,", "there", "missing")
		case open[id] < 0:
			return differ("what is left to pay of invoice "+i.Number, "zero or more", open[id])
		}
	}
	return nil
}
