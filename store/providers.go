package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
)

// StaffRole is what a person may do for a provider.
type StaffRole string

// The roles of a provider's staff.
const (
	StaffAdmin      StaffRole = "admin"
	StaffOperator   StaffRole = "operator"
	StaffAccountant StaffRole = "accountant"
)

// NewProvider is what CreateProvider needs.
type NewProvider struct {
	Name           string
	Currency       string // ISO 4217
	AccountingZone string // IANA zone whose months are the accounting periods
}

// Provider sells compute hours.
type Provider struct {
	ID             uuid.UUID
	Name           string
	Currency       string
	AccountingZone string
}

// CreateProvider adds a provider. Refusals: "invalid" by field (name, currency, accounting_zone), "duplicate".
func (db *DB) CreateProvider(ctx context.Context, by uuid.UUID, p NewProvider) (uuid.UUID, error) {
	if err := p.check(); err != nil {
		return uuid.Nil, err
	}
	id, err := newID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.tx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO providers (id, name, currency, accounting_zone, created_at) VALUES ($1, $2, $3, $4, now())`,
			id, p.Name, p.Currency, p.AccountingZone)
		if uniqueViolation(err, "providers_name_key") {
			return duplicate("a provider", "name", p.Name)
		}
		if err != nil {
			return fmt.Errorf("create provider: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{By: by, Provider: id, Verb: "create provider", Subject: "provider", SubjectID: id})
	})
}

func (p NewProvider) check() error {
	f := fields{}
	f.length("name", p.Name, 2, 80)
	_, err := billing.Currency(p.Currency).MinorDigits()
	f.check(err == nil, "currency", "%q is no currency: write its three letters, such as EUR.", p.Currency)
	f.check(validZone(p.AccountingZone), "accounting_zone", "%q is no time zone: write its name, such as Europe/Berlin.", p.AccountingZone)
	return f.refusal()
}

func validZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}

const selectProvider = `SELECT id, name, currency, accounting_zone FROM providers`

// Provider finds a provider by its id.
func (db *DB) Provider(ctx context.Context, providerID uuid.UUID) (Provider, error) {
	rows, _ := db.pool.Query(ctx, selectProvider+` WHERE id = $1`, providerID)
	return one(rows, "provider", pgx.RowToStructByName[Provider])
}

// ProviderByName finds a provider for the operator's commands.
func (db *DB) ProviderByName(ctx context.Context, name string) (Provider, error) {
	rows, _ := db.pool.Query(ctx, selectProvider+` WHERE name = $1`, name)
	return one(rows, "provider", pgx.RowToStructByName[Provider])
}

// AddStaff makes a person one of a provider's staff, or changes the role of one; who has it already keeps it,
// and nothing is logged. Refusals: "invalid" for role, NotFound.
func (db *DB) AddStaff(ctx context.Context, by, providerID, personID uuid.UUID, role StaffRole) error {
	if err := role.check(); err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		changed, err := insertStaff(ctx, tx, providerID, personID, role)
		if foreignKeyViolation(err) {
			return provisioner.NotFound("person or provider")
		}
		if err != nil || !changed {
			return err
		}
		return writeAudit(ctx, tx, auditRow{By: by, Provider: providerID, Verb: "add staff", Subject: "person", SubjectID: personID, Detail: map[string]any{"role": role}})
	})
}

func (r StaffRole) check() error {
	switch r {
	case StaffAdmin, StaffOperator, StaffAccountant:
		return nil
	default:
		return provisioner.Invalid(map[string]string{"role": fmt.Sprintf("%q is no role: choose admin, operator or accountant.", r)})
	}
}

// insertStaff gives a person a role, whichever they had, and says whether it is another one.
func insertStaff(ctx context.Context, tx pgx.Tx, providerID, personID uuid.UUID, role StaffRole) (changed bool, err error) {
	tag, err := tx.Exec(ctx, `
		INSERT INTO staff (provider_id, person_id, role, created_at) VALUES ($1, $2, $3, now())
		ON CONFLICT (provider_id, person_id) DO UPDATE SET role = excluded.role
		WHERE staff.role <> excluded.role`, providerID, personID, role)
	if err != nil {
		return false, fmt.Errorf("add staff: %w", err)
	}
	return tag.RowsAffected() > 0, nil
}
