package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// SetTaxRate sets the rate that a provider's papers have from a day on; below zero: none. Papers that are issued stay. Refusals: "invalid" by field
// (rate, from: a day that is past), "duplicate" for a day that has a rate.
func (db *DB) SetTaxRate(ctx context.Context, by, providerID uuid.UUID, rate int64, from typed.Day) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		today, err := today(ctx, tx, providerID)
		if err != nil {
			return err
		}
		f := store.Fields{}
		f.Check(rate != 0 && rate < 10_000, "rate", "Write a rate above 0 and below 100 %%; where no tax is charged, say so instead.")
		f.Check(!from.IsZero() && from.Compare(today) >= 0, "from", "Choose today, %s, or a day to come: papers of before were taxed by what held then.", today)
		if err := f.Refusal(); err != nil {
			return err
		}
		var kept *int64
		if rate >= 0 {
			kept = &rate
		}
		_, err = tx.Exec(ctx, `INSERT INTO tax_rates (provider_id, from_day, rate, set_by, created_at) VALUES ($1, $2::text::date, $3, $4, now())`, providerID, from.String(), kept, store.OrNull(by))
		if store.UniqueViolation(err, "tax_rates_pkey") {
			title := fmt.Sprintf("From %s on there is a rate already.", from)
			return &refusal.Error{Code: "duplicate", Title: title, Next: "Choose another day: a rate that was set is in papers, and is followed by another.", Fields: map[string]string{"from": title}}
		}
		if err != nil {
			return fmt.Errorf("set tax rate: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Provider: providerID, Verb: "set tax rate", Subject: "provider", SubjectID: providerID,
			Detail: map[string]any{"rate": rateWord(rate), "from": from.String()},
		})
	})
}

func rateWord(rate int64) string {
	if rate < 0 {
		return "none"
	}
	return billing.Taxing{Rate: rate}.Percent() + " %"
}
