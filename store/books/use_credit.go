package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// UseCredit pays an invoice out of the organization's credit, as far as that goes, and says with how much. An invoice that is issued uses
// credit by itself; this is for one that was open before there was any. Refusals: "paid" where nothing is left to pay, "no_credit",
// NotFound("invoice").
func (db *DB) UseCredit(ctx context.Context, by, providerID, invoiceID uuid.UUID) (used billing.Money, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		var org uuid.UUID
		var c billing.Currency
		err := tx.QueryRow(ctx, `SELECT organization_id, currency FROM invoices WHERE id = $1 AND provider_id = $2`, invoiceID, providerID).Scan(&org, &c)
		if err := store.Found(err, "invoice"); err != nil {
			return err
		}
		w, _, err := customer(ctx, tx, providerID, org)
		if err != nil {
			return err
		}
		now, err := store.ReadNow(ctx, tx)
		if err != nil {
			return err
		}
		p, err := useCredit(ctx, tx, w, c, invoiceID, by, now)
		if err != nil {
			return err
		}
		if p == nil {
			return nothingToUse(ctx, tx, w, c, invoiceID)
		}
		used = p.Amount
		return store.WriteAudit(ctx, tx, p.audit(w, "use credit"))
	})
	return used, err
}

// useCredit pays a locked wallet's invoice with the credit that there is; nil: there is none, or nothing to pay.
func useCredit(ctx context.Context, tx pgx.Tx, w wallet, c billing.Currency, invoiceID, by uuid.UUID, now time.Time) (*newPayment, error) {
	zone, err := w.zone()
	if err != nil {
		return nil, err
	}
	credit, err := creditOf(ctx, tx, w, c)
	if err != nil || credit == 0 {
		return nil, err
	}
	debts, err := openDebts(ctx, tx, w, c, invoiceID)
	if err != nil {
		return nil, err
	}
	to, rest := allocate(credit, debts)
	if len(to) == 0 {
		return nil, nil
	}
	id, err := store.NewID()
	if err != nil {
		return nil, err
	}
	p := newPayment{PaymentTerms: billing.PaymentTerms{
		ID: id, Kind: billing.PaymentCredit, PaidOn: typed.DayOf(now, zone), Amount: billing.Money{Minor: credit - rest, Currency: c}, To: to,
	}, By: by, Event: now, Now: now}
	return &p, p.book(ctx, tx, w)
}

func nothingToUse(ctx context.Context, tx pgx.Tx, w wallet, c billing.Currency, invoiceID uuid.UUID) error {
	debts, err := openDebts(ctx, tx, w, c, invoiceID)
	if err != nil {
		return err
	}
	if len(debts) > 0 && debts[0].Open == 0 {
		return &refusal.Error{Code: "paid", Title: fmt.Sprintf("Nothing is left to pay of invoice %s.", debts[0].Number), Next: "Nothing is to be done."}
	}
	return &refusal.Error{Code: "no_credit", Title: "The organization has no credit with you now.", Next: "Record what comes in as a payment."}
}
