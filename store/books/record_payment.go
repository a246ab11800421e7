package books

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// NewPayment is money that came in from an organization.
type NewPayment struct {
	OrganizationID uuid.UUID
	Minor          int64     // of the provider's currency
	PaidOn         typed.Day // of the bank
	Reference      string    // at most 140 characters
	InvoiceID      uuid.UUID // which it is for; Nil: those that are due first
}

// Recorded says what became of a payment.
type Recorded struct {
	Paid     []string      // numbers of the invoices that took of it
	Credited billing.Money // what no invoice took: the organization's credit
	Settled  string        // number of the chosen invoice, where that was paid before
}

// RecordPayment books what came in from an organization, and pays invoices with it: the chosen one, or those that are due first. What is over is
// the organization's credit. Refusals: "invalid" by field (amount, paid_on, reference), NotFound("organization"), NotFound("invoice").
func (db *DB) RecordPayment(ctx context.Context, by, providerID uuid.UUID, n NewPayment) (r Recorded, err error) {
	id, err := store.NewID()
	if err != nil {
		return r, err
	}
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		r = Recorded{}
		w, c, err := customer(ctx, tx, providerID, n.OrganizationID)
		if err != nil {
			return err
		}
		p, err := n.payment(ctx, tx, w, c)
		if err != nil {
			return err
		}
		debts, err := openDebts(ctx, tx, w, c, n.InvoiceID)
		if err != nil {
			return err
		}
		if n.InvoiceID != uuid.Nil {
			if len(debts) == 0 {
				return store.Found(pgx.ErrNoRows, "invoice")
			}
			if debts[0].Open == 0 {
				r.Settled = debts[0].Number
			}
		}
		var rest int64
		p.ID, p.By = id, by
		p.To, rest = allocate(n.Minor, debts)
		r.Credited = billing.Money{Minor: rest, Currency: c}
		for i := range p.To {
			r.Paid = append(r.Paid, debts[i].Number) // debts without anything open come alone
		}
		if err := p.book(ctx, tx, w); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, p.audit(w, "record payment"))
	})
	return r, err
}

// payment checks what was typed, and makes the payment without its allocations.
func (n NewPayment) payment(ctx context.Context, tx pgx.Tx, w wallet, c billing.Currency) (newPayment, error) {
	zone, err := w.zone()
	if err != nil {
		return newPayment{}, err
	}
	p := newPayment{PaymentTerms: billing.PaymentTerms{
		Kind: billing.PaymentReceived, PaidOn: n.PaidOn, Amount: billing.Money{Minor: n.Minor, Currency: c}, Reference: strings.TrimSpace(n.Reference),
	}}
	if p.Now, err = store.ReadNow(ctx, tx); err != nil {
		return p, err
	}
	f, today := store.Fields{}, typed.DayOf(p.Now, zone)
	f.Check(n.Minor > 0 && n.Minor <= billing.MaxMoney, "amount", "Write an amount above zero, up to %s.", billing.Money{Minor: billing.MaxMoney, Currency: c})
	f.Length("reference", p.Reference, 0, 140)
	switch {
	case n.PaidOn.IsZero():
		f.Add("paid_on", "Say on which day the bank booked it.")
	case n.PaidOn.Compare(today) > 0:
		f.Add("paid_on", "%s is still to come: in %s it is %s. Write the day on which the bank booked it.", n.PaidOn, w.AccountingZone, today)
	case n.PaidOn.Compare(today.Add(-mostDaysBack)) < 0:
		f.Add("paid_on", "%s is more than %s ago, which is longer than books are kept open.", n.PaidOn, refusal.Plural(mostDaysBack, "day", "days"))
	}
	if err := f.Refusal(); err != nil {
		return p, err
	}
	if err := RefuseClosedDay(ctx, tx, w.ProviderID, n.PaidOn); err != nil {
		return p, err
	}
	p.Event = n.PaidOn.From(p.Now, zone)
	return p, nil
}

// mostDaysBack is how long ago money can have come in that is recorded now.
const mostDaysBack = 400

func (p newPayment) audit(w wallet, verb string) store.AuditRow {
	return store.AuditRow{
		By: p.By, Organization: w.OrganizationID, Provider: w.ProviderID, Verb: verb, Subject: "payment", SubjectID: p.ID,
		Detail: map[string]any{"amount": p.Amount.String(), "paid_on": p.PaidOn.String(), "reference": p.Reference, "invoices": len(p.To)},
	}
}

// Words say in one sentence what became of the payment.
func (r Recorded) Words(amount billing.Money) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s recorded", amount)
	switch {
	case r.Settled != "":
		fmt.Fprintf(&b, ". Invoice %s was paid already", r.Settled)
	case len(r.Paid) > 0:
		fmt.Fprintf(&b, " for %s", strings.Join(r.Paid, ", "))
	}
	if r.Credited.Minor > 0 {
		fmt.Fprintf(&b, ". %s more than is owed: kept as the organization’s credit, which pays its next invoice", r.Credited)
	}
	return b.String() + "."
}
