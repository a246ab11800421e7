package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// SetKeptDisks says what a provider keeps, free of charge, of clusters that do not run. It counts from the next choice on: what
// was promised before stays so. Refusals: "invalid" for kept_days and kept_gib, NotFound("provider").
func (db *DB) SetKeptDisks(ctx context.Context, by, providerID uuid.UUID, rule KeptDisksRule) error {
	f := store.Fields{}
	f.Between("kept_days", int64(rule.Days), 1, mostKeptDays, " days")
	if rule.GiB != nil {
		f.Between("kept_gib", int64(*rule.GiB), 0, mostKeptGiB, " GiB")
	}
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE providers SET kept_days_most = $2, kept_gib_most = $3 WHERE id = $1`, providerID, rule.Days, rule.GiB)
		if err != nil {
			return fmt.Errorf("set kept disks of provider %s: %w", providerID, err)
		}
		if tag.RowsAffected() == 0 {
			return store.Found(pgx.ErrNoRows, "provider")
		}
		detail := map[string]any{"kept_days": rule.Days}
		if rule.GiB != nil {
			detail["kept_gib"] = *rule.GiB
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "set kept disks", Subject: "provider", SubjectID: providerID, Detail: detail})
	})
}

// What a provider may choose.
const (
	mostKeptDays = 365
	mostKeptGiB  = 1 << 30
)
