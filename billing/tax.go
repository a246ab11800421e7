package billing

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// TaxCategory is how a line is taxed, by the codes of UNTDID 5305 that EN 16931 takes.
type TaxCategory string

// The categories.
const (
	TaxStandard TaxCategory = "S"  // the seller's domestic rate
	TaxReverse  TaxCategory = "AE" // the buyer owes it, in another country of the EU
	TaxExempt   TaxCategory = "E"  // by a certificate of the buyer's
	TaxOutside  TaxCategory = "O"  // outside the scope of VAT
)

// TaxParty is what a tax depends on of a seller or buyer.
type TaxParty struct{ Country, VATID string }

// Taxing is how a line is taxed. Rate is in hundredths of a percent: 1900 is 19 %.
type Taxing struct {
	Category TaxCategory
	Rate     int64
	Reason   string // printed where there is no tax; empty for a domestic rate
}

// TaxOf decides how a seller taxes a buyer. domestic is the seller's rate in force, below zero where it has none; certificate names what
// exempts the buyer.
func TaxOf(seller, buyer TaxParty, domestic int64, certificate string) Taxing {
	_, wellFormed := ParseVATID(buyer.Country, buyer.VATID)
	abroad := buyer.Country != "" && buyer.Country != seller.Country
	switch {
	case certificate != "":
		return Taxing{TaxExempt, 0, "Exempt by certificate " + certificate}
	case domestic < 0:
		return Taxing{TaxOutside, 0, "Outside the scope of VAT"}
	case abroad && InEU(seller.Country) && InEU(buyer.Country) && buyer.VATID != "" && wellFormed == nil:
		return Taxing{TaxReverse, 0, "Reverse charge: the customer owes the VAT (Article 196 of Directive 2006/112/EC)"}
	case abroad && !(InEU(seller.Country) && InEU(buyer.Country)):
		return Taxing{TaxOutside, 0, "Outside the scope of VAT: supplied to " + CountryName(buyer.Country)}
	default:
		return Taxing{TaxStandard, domestic, ""}
	}
}

// On is the tax on a sum at the rate, in minor units, rounded half up.
func (t Taxing) On(minor int64) int64 {
	hi, lo := bits.Mul64(uint64(minor), uint64(t.Rate))
	q, rest := bits.Div64(hi, lo, 10_000)
	if rest >= 5_000 {
		q++
	}
	return int64(q)
}

// Percent is the rate as papers write it: "19", "5.5".
func (t Taxing) Percent() string {
	whole, part := t.Rate/100, t.Rate%100
	if part == 0 {
		return strconv.FormatInt(whole, 10)
	}
	return strings.TrimRight(strconv.FormatInt(whole, 10)+"."+strconv.FormatInt(100+part, 10)[1:], "0")
}

// TaxSum is what a paper sums up at one rate.
type TaxSum struct {
	Taxing
	Base, Amount int64 // minor units
}

// Words says what it is, and why: "VAT 19 % on 30.09 EUR, the seller’s domestic rate".
func (t TaxSum) Words(c Currency) string {
	if t.Category == TaxStandard {
		return fmt.Sprintf("VAT %s %% on %s, the seller’s domestic rate", t.Percent(), Money{t.Base, c})
	}
	return "VAT: " + t.Reason
}

// SumTaxes sums the amounts of lines up by their taxes, and taxes each sum once.
func SumTaxes(amounts []int64, taxes []Taxing) []TaxSum {
	var sums []TaxSum
	place := map[Taxing]int{}
	for i, t := range taxes {
		at, ok := place[t]
		if !ok {
			at = len(sums)
			place[t], sums = at, append(sums, TaxSum{Taxing: t})
		}
		sums[at].Base += amounts[i]
	}
	for i := range sums {
		sums[i].Amount = sums[i].On(sums[i].Base)
	}
	return sums
}

// text is the end of a line of the hashed bytes that says it.
func (t Taxing) text() string {
	if t.Category == "" {
		return ""
	}
	return fmt.Sprintf(" %s %d", t.Category, t.Rate)
}

// textOfTaxes is the part of the hashed bytes that says a paper's sums.
func textOfTaxes(sums []TaxSum) string {
	var b strings.Builder
	for _, t := range sums {
		fmt.Fprintf(&b, "tax %s %d %d %d %s\n", t.Category, t.Rate, t.Base, t.Amount, textDigest(t.Reason))
	}
	return b.String()
}

// WithTax is a net amount with its taxes.
func WithTax(net Money, sums []TaxSum) Money {
	return Money{net.Minor + sumOfTaxes(sums), net.Currency}
}

func sumOfTaxes(sums []TaxSum) (minor int64) {
	for _, t := range sums {
		minor += t.Amount
	}
	return minor
}

// taxedAt is what is taxed at one rate on one invoice.
type taxedAt struct {
	invoice  uuid.UUID
	category TaxCategory
	rate     int64
}

// compareTaxes looks for an invoice whose tax at a rate is not that on the sum of its lines, or whose credit notes' is not that on all they took back.
func compareTaxes(terms []Terms, differ func(what string, expected, found any) *Difference) *Difference {
	base, back := map[taxedAt]int64{}, map[taxedAt]TaxSum{}
	for _, t := range terms {
		switch t := t.(type) {
		case Paper:
			for _, l := range t.Lines {
				base[taxedAt{t.ID, l.Tax.Category, l.Tax.Rate}] += l.Amount
			}
		case CreditNote:
			for _, b := range t.Taxes {
				at := taxedAt{t.InvoiceID, b.Category, b.Rate}
				back[at] = TaxSum{Base: back[at].Base + b.Base, Amount: back[at].Amount + b.Amount}
			}
		}
	}
	for _, x := range terms {
		i, ok := x.(Paper)
		if !ok {
			continue
		}
		for _, t := range i.Taxes {
			at, of := taxedAt{i.ID, t.Category, t.Rate}, " at "+t.Percent()+" % of invoice "+i.Number
			switch {
			case base[at] != t.Base:
				return differ("the taxed amount"+of, base[at], t.Base)
			case t.On(base[at]) != t.Amount:
				return differ("the tax"+of, t.On(base[at]), t.Amount)
			case t.On(back[at].Base) != back[at].Amount:
				return differ("the tax taken back"+of, t.On(back[at].Base), back[at].Amount)
			}
		}
	}
	return nil
}
