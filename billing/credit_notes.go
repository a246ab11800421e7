package billing

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// CreditNoteNumber gives the number of a provider's serial-th credit note of a year: "NOR-C-2026-0001".
func CreditNoteNumber(prefix string, year, serial int) string {
	return fmt.Sprintf("%s-C-%04d-%04d", prefix, year, serial)
}

// CreditNote is a credit note as it is printed.
type CreditNote struct {
	ID, InvoiceID        uuid.UUID
	Number               string
	Year, Serial         int
	IssuedAt             time.Time
	Net                  Money
	Off                  int64 // of the net and tax what lowered what was left to pay of the invoice; the rest is credit
	Seller, TaxID, Buyer string
	Reason               string
	Printed              Printed
	Taxes                []TaxSum // each the difference of the tax on all that was taken back of the invoice, and on what was before
	Lines                []CreditLine
}

// Total is what is given back, in minor units.
func (n CreditNote) Total() int64 { return n.Net.Minor + sumOfTaxes(n.Taxes) }

// CreditLine is what is taken back of a line of an invoice.
type CreditLine struct {
	Number, InvoiceLine int
	LotID               uuid.UUID
	Hours               Hours
	Amount              int64 // minor units
	Description         string
}

// Fact is the credit note's.
func (n CreditNote) Fact() Fact {
	var b strings.Builder
	fmt.Fprintf(&b, "volary-credit-note-1\ncredit_note %s %s %d %d\ninvoice %s\nissued %s\nnet %d %s\noff %d\nseller %s\ntax_id %s\nbuyer %s\nreason %s\n%s",
		n.ID, n.Number, n.Year, n.Serial, n.InvoiceID, instant(n.IssuedAt), n.Net.Minor, n.Net.Currency, n.Off,
		textDigest(n.Seller), textDigest(n.TaxID), textDigest(n.Buyer), textDigest(n.Reason), n.Printed.text()+textOfTaxes(n.Taxes))
	for _, l := range n.Lines {
		fmt.Fprintf(&b, "line %d %d %s %d %d %s\n", l.Number, l.InvoiceLine, l.LotID, l.Hours, l.Amount, textDigest(l.Description))
	}
	return fact(FactCreditNote, n.ID, b.String())
}

// TakeBack books a credit note: its hours are refunded, and what was paid for them lowers what is left to pay of the invoice, else
// becomes credit.
func TakeBack(n CreditNote, by uuid.UUID, at time.Time) (Draft, error) {
	d := draft(KindCreditNote, at, "credit_note:"+n.ID.String())
	d.By, d.Facts = by, []Fact{n.Fact()}
	off := n.Off
	for _, l := range n.Lines {
		d.Postings = pair(d.Postings, KindCreditNote, l.LotID, uuid.Nil, l.Hours)
		part := min(off, l.Amount)
		d.Move(Deferred, Receivable, l.LotID, Money{part, n.Net.Currency})
		d.Move(Deferred, Credit, l.LotID, Money{l.Amount - part, n.Net.Currency})
		off -= part
	}
	for _, t := range n.Taxes {
		part := min(off, t.Amount)
		d.Move(Tax, Receivable, uuid.Nil, Money{part, n.Net.Currency})
		d.Move(Tax, Credit, uuid.Nil, Money{t.Amount - part, n.Net.Currency})
		off -= part
	}
	return d, d.Check()
}
