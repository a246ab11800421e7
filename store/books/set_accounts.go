package books

import (
	"context"
	"fmt"
	"regexp"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

var codeForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$`)

// MostGraceDays is how long a month may wait at most until it may be closed.
const MostGraceDays = 60

// SetAccounts changes how a provider keeps its accounts. Files of closed months stay as they were made. Refusals: "invalid" by field (grace_days, and each
// account by its name), NotFound("provider").
func (db *DB) SetAccounts(ctx context.Context, by, providerID uuid.UUID, s AccountSettings) error {
	f := store.Fields{}
	f.Check(s.GraceDays >= 0 && s.GraceDays <= MostGraceDays, "grace_days", "Write 0 to %s, not %d.", refusal.Plural(MostGraceDays, "day", "days"), s.GraceDays)
	whose := map[string]billing.MoneyAccount{}
	for _, a := range billing.MoneyAccounts() {
		code := s.Codes[a]
		if code == "" {
			continue
		}
		f.Check(codeForm.MatchString(code), string(a), "Write up to 20 letters, digits, dots, hyphens and underscores that begin with a letter or digit, not %q.", code)
		if other, taken := whose[code]; taken {
			f.Check(false, string(a), "%s is the code of %s already.", code, other)
		}
		whose[code] = a
	}
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE providers SET grace_days = $2 WHERE id = $1`, providerID, s.GraceDays)
		if err != nil {
			return fmt.Errorf("set days of grace: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return store.Found(pgx.ErrNoRows, "provider")
		}
		batch := &pgx.Batch{}
		batch.Queue(`DELETE FROM account_codes WHERE provider_id = $1`, providerID)
		for code, account := range whose {
			batch.Queue(`INSERT INTO account_codes (provider_id, account, code) VALUES ($1, $2, $3)`, providerID, string(account), code)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("set account codes: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Provider: providerID, Verb: "set accounts", Subject: "provider", SubjectID: providerID, Detail: map[string]any{"grace_days": s.GraceDays},
		})
	})
}
