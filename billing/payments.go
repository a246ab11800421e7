package billing

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/typed"
)

// PaymentKind is where the money of a payment came from or went.
type PaymentKind string

// The kinds of payments.
const (
	PaymentReceived PaymentKind = "received" // from the organization; what no invoice took is its credit
	PaymentCredit   PaymentKind = "credit"   // out of the organization's credit
	PaymentRepaid   PaymentKind = "repaid"   // the credit, back to the organization
)

// PaymentTerms are what a payment was recorded with. To is in the order of the invoices' ids.
type PaymentTerms struct {
	ID        uuid.UUID
	Kind      PaymentKind
	PaidOn    typed.Day
	Amount    Money
	Reference string
	To        []Allocation
}

// Allocation is how much of a payment an invoice took, in minor units.
type Allocation struct {
	InvoiceID uuid.UUID
	Minor     int64
}

// Allocated is what invoices took, in minor units.
func (p PaymentTerms) Allocated() (sum int64) {
	for _, a := range p.To {
		sum += a.Minor
	}
	return sum
}

// Fact is the payment's.
func (p PaymentTerms) Fact() Fact {
	var b strings.Builder
	fmt.Fprintf(&b, "volary-payment-1\npayment %s %s\npaid %s\namount %d %s\nreference %s\n", p.ID, p.Kind, p.PaidOn, p.Amount.Minor, p.Amount.Currency, textDigest(p.Reference))
	for _, a := range p.To {
		fmt.Fprintf(&b, "to %s %d\n", a.InvoiceID, a.Minor)
	}
	return fact(FactPayment, p.ID, b.String())
}

// Pay books a payment, whose day is that of the event. What was received and no invoice took is the organization's credit.
func Pay(p PaymentTerms, by uuid.UUID, event, at time.Time) (Draft, error) {
	kind := KindPayment
	if p.Kind == PaymentRepaid {
		kind = KindRefund
	}
	d := draft(kind, at, string(kind)+":"+p.ID.String())
	d.By, d.Event, d.Facts = by, event, []Fact{p.Fact()}
	to := Money{p.Allocated(), p.Amount.Currency}
	rest := Money{p.Amount.Minor - to.Minor, to.Currency}
	switch p.Kind {
	case PaymentReceived:
		d.Move(Bank, Receivable, uuid.Nil, to)
		d.Move(Bank, Credit, uuid.Nil, rest)
	case PaymentCredit:
		d.Move(Credit, Receivable, uuid.Nil, to)
	case PaymentRepaid:
		d.Move(Credit, Bank, uuid.Nil, p.Amount)
	}
	if rest.Minor < 0 || p.Kind == PaymentCredit && rest.Minor != 0 || p.Kind == PaymentRepaid && to.Minor != 0 {
		return d, fmt.Errorf("%w: a payment of %s, %s, of which invoices take %s", ErrUnbalanced, p.Amount, p.Kind, to)
	}
	return d, d.Check()
}

// Debt is what is left to pay of an invoice.
type Debt struct {
	InvoiceID uuid.UUID
	Open      int64 // minor units
}

// Allocate shares an amount out over what is owed, in the order that the debts are in, and gives what is left over.
func Allocate(minor int64, debts []Debt) (to []Allocation, rest int64) {
	for _, d := range debts {
		if take := min(minor, d.Open); take > 0 {
			to = append(to, Allocation{d.InvoiceID, take})
			minor -= take
		}
	}
	return to, minor
}

func dayOrDash(d typed.Day) string {
	if d.IsZero() {
		return "-"
	}
	return d.String()
}
