package billing

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/typed"
)

// What a fact is of.
const (
	FactLot     = "lot"
	FactOrder   = "order"
	FactInvoice = "invoice"
	FactUses    = "uses" // of a lot, booked in encoding 1
	FactPayment = "payment"

	FactCreditNote = "credit_note"
)

// Fact is the digest of something outside the postings that an amount, a name on paper or a date of account follows from. The
// entry that books a lot has those of the lot, its order and its invoice; an opening has those of all that was booked before. Texts are in it
// by their own digests, persons by their ids alone.
type Fact struct {
	What   string
	ID     uuid.UUID
	Digest Digest
}

// LotTerms are what a lot was made with.
type LotTerms struct {
	ID, Order, Pool, By uuid.UUID // Nil: none
	MadeAt, ExpiresAt   time.Time // zero: never
	Paid                *Money    // nil: granted
	Purpose             string
}

// Fact is the lot's.
func (l LotTerms) Fact() Fact {
	paid := "- -"
	if l.Paid != nil {
		paid = fmt.Sprintf("%d %s", l.Paid.Minor, l.Paid.Currency)
	}
	return fact(FactLot, l.ID, fmt.Sprintf("volary-lot-1\nlot %s\norder %s\npool %s\nby %s\nmade %s\nexpires %s\namount %s\npurpose %s\n",
		l.ID, orDash(l.Order), orDash(l.Pool), orDash(l.By), instant(l.MadeAt), instant(l.ExpiresAt), paid, textDigest(l.Purpose)))
}

// OrderTerms are what was agreed by an order.
type OrderTerms struct {
	ID, Offer, PriceID                     uuid.UUID
	Number, Price                          int64 // millionths
	Hours                                  Hours
	Amount                                 Money
	OrderedAt                              time.Time
	PurchaseOrder, CostCentre, GrantNumber string
}

// Fact is the order's.
func (o OrderTerms) Fact() Fact {
	return fact(FactOrder, o.ID, fmt.Sprintf(
		"volary-order-1\norder %s %d\noffer %s\nprice %s %d\nhours %d\namount %d %s\nordered %s\npurchase_order %s\ncost_centre %s\ngrant_number %s\n",
		o.ID, o.Number, o.Offer, o.PriceID, o.Price, o.Hours, o.Amount.Minor, o.Amount.Currency, instant(o.OrderedAt),
		textDigest(o.PurchaseOrder), textDigest(o.CostCentre), textDigest(o.GrantNumber)))
}

// Paper is an invoice as it is printed.
type Paper struct {
	ID                   uuid.UUID
	Number               string
	Year, Serial         int
	IssuedAt             time.Time
	DueOn                typed.Day // in the seller's zone; zero: of before days were printed
	Net                  Money
	Seller, TaxID, Buyer string
	Printed              Printed
	Taxes                []TaxSum // none on those of before tax was computed
	Lines                []PaperLine
}

// Total is what is to be paid, in minor units.
func (p Paper) Total() int64 { return p.Net.Minor + sumOfTaxes(p.Taxes) }

// Printed is what else stands on a paper, by what it is: "buyer_address". What is empty is not in it.
type Printed map[string]string

// text is the part of the hashed bytes that says it.
func (p Printed) text() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "print %s %s\n", what, textDigest(p[what]))
	}
	return b.String()
}

// PaperLine is a line of a paper.
type PaperLine struct {
	Number        int
	OrderID       uuid.UUID
	Hours         Hours
	Price, Amount int64 // millionths, and minor units
	Description   string
	Tax           Taxing // its reason stands with the sum; no category: of before tax was computed
}

// Fact is the invoice's. Those of before 2026-12-01 have no day when they are due, and nothing printed but names.
func (p Paper) Fact() Fact {
	var b strings.Builder
	parties := fmt.Sprintf("seller %s\ntax_id %s\nbuyer %s\n", textDigest(p.Seller), textDigest(p.TaxID), textDigest(p.Buyer))
	version := 2
	if p.DueOn.IsZero() && len(p.Printed) == 0 {
		version = 1
	} else {
		parties = fmt.Sprintf("due %s\n%s%s%s", dayOrDash(p.DueOn), parties, p.Printed.text(), textOfTaxes(p.Taxes))
	}
	fmt.Fprintf(&b, "volary-invoice-%d\ninvoice %s %s %d %d\nissued %s\nnet %d %s\n%s", version, p.ID, p.Number, p.Year, p.Serial,
		instant(p.IssuedAt), p.Net.Minor, p.Net.Currency, parties)
	for _, l := range p.Lines {
		fmt.Fprintf(&b, "line %d %s %d %d %d %s%s\n", l.Number, l.OrderID, l.Hours, l.Price, l.Amount, textDigest(l.Description), l.Tax.text())
	}
	return fact(FactInvoice, p.ID, b.String())
}

func fact(what string, id uuid.UUID, text string) Fact {
	return Fact{what, id, sha256.Sum256([]byte(text))}
}

// oldUses gathers the uses of each lot that were booked in encoding 1, for the opening that says their digest.
type oldUses map[uuid.UUID]*bytes.Buffer

func (u oldUses) add(seq int64, lines []Line) {
	lot := lines[0].LotID
	if u[lot] == nil {
		u[lot] = bytes.NewBufferString("volary-uses-1\n")
	}
	fmt.Fprintf(u[lot], "%d %s\n", seq, DigestLines(2, lines))
}

func (u oldUses) fact(lot uuid.UUID) Fact {
	text := ""
	if u[lot] != nil {
		text = u[lot].String()
	}
	return fact(FactUses, lot, text)
}
