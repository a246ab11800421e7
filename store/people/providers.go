package people

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// StaffRole is what a person may do for a provider.
type StaffRole string

// The roles of a provider's staff.
const (
	StaffAdmin      StaffRole = "admin"
	StaffOperator   StaffRole = "operator"
	StaffAccountant StaffRole = "accountant"
	StaffAuditor    StaffRole = "auditor" // reads all and changes nothing
)

// Provider sells compute hours.
type Provider struct {
	ID             uuid.UUID
	Name           string
	Currency       string
	AccountingZone string
}

func validZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}

const selectProvider = `SELECT id, name, currency, accounting_zone FROM providers`

// Provider finds a provider by its id.
func (db *DB) Provider(ctx context.Context, providerID uuid.UUID) (Provider, error) {
	rows, _ := db.pool.Query(ctx, selectProvider+` WHERE id = $1`, providerID)
	return store.One(rows, "provider", pgx.RowToStructByName[Provider])
}

// ProviderByName finds a provider for the operator's commands.
func (db *DB) ProviderByName(ctx context.Context, name string) (Provider, error) {
	rows, _ := db.pool.Query(ctx, selectProvider+` WHERE name = $1`, norm.NFC.String(name))
	return store.One(rows, "provider", pgx.RowToStructByName[Provider])
}

func (r StaffRole) check() error {
	switch r {
	case StaffAdmin, StaffOperator, StaffAccountant, StaffAuditor:
		return nil
	default:
		return refusal.Invalid(map[string]string{"role": fmt.Sprintf("%q is no role: choose admin, operator, accountant or auditor.", r)})
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
