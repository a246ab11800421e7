package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/store"
)

// AccountSettings are how a provider keeps its accounts.
type AccountSettings struct {
	GraceDays int                             // from a month's end until it may be closed
	Codes     map[billing.MoneyAccount]string // what it calls each account; one that is missing goes by our word
}

// AccountSettings reads how a provider keeps its accounts. NotFound("provider").
func (db *DB) AccountSettings(ctx context.Context, providerID uuid.UUID) (AccountSettings, error) {
	s := AccountSettings{Codes: map[billing.MoneyAccount]string{}}
	err := db.pool.QueryRow(ctx, `SELECT grace_days FROM providers WHERE id = $1`, providerID).Scan(&s.GraceDays)
	if err != nil {
		return s, store.Found(err, "provider")
	}
	rows, _ := db.pool.Query(ctx, `SELECT account, code FROM account_codes WHERE provider_id = $1`, providerID)
	var account billing.MoneyAccount
	var code string
	if _, err = pgx.ForEachRow(rows, []any{&account, &code}, func() error {
		s.Codes[account] = code
		return nil
	}); err != nil {
		return s, fmt.Errorf("account codes of provider %s: %w", providerID, err)
	}
	return s, nil
}
