package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// NewProvider is what CreateProvider needs.
type NewProvider struct {
	Name           string
	Currency       string // ISO 4217
	AccountingZone string // IANA zone whose months are the accounting periods
}

// CreateProvider adds a provider. Refusals: "invalid" by field (name, currency, accounting_zone), "duplicate".
func (db *DB) CreateProvider(ctx context.Context, by uuid.UUID, p NewProvider) (uuid.UUID, error) {
	if err := p.check(); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO providers (id, name, currency, accounting_zone, created_at) VALUES ($1, $2, $3, $4, now())`,
			id, p.Name, p.Currency, p.AccountingZone)
		if store.UniqueViolation(err, "providers_name_key") {
			return store.Duplicate("a provider", "name", p.Name)
		}
		if err != nil {
			return fmt.Errorf("create provider: %w", err)
		}
		if err := store.TakeName(ctx, tx, store.TakenName{Kind: store.ProviderName, Subject: id, Name: p.Name, Field: "name"}); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: id, Verb: "create provider", Subject: "provider", SubjectID: id})
	})
}

// check also writes the name as it is kept.
func (p *NewProvider) check() error {
	f := store.Fields{}
	f.Name("name", &p.Name, 2, 80)
	_, err := billing.Currency(p.Currency).MinorDigits()
	f.Check(err == nil, "currency", "%q is no currency: write its three letters, such as EUR.", p.Currency)
	f.Check(validZone(p.AccountingZone), "accounting_zone", "%q is no time zone: write its name, such as Europe/Berlin.", p.AccountingZone)
	return f.Refusal()
}
