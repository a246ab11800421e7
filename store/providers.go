package store

import (
	"context"

	"github.com/google/uuid"
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

// CreateProvider adds a provider. A taken name is the refusal "duplicate".
func (db *DB) CreateProvider(ctx context.Context, by uuid.UUID, p NewProvider) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}

// Provider finds a provider by its id.
func (db *DB) Provider(ctx context.Context, providerID uuid.UUID) (Provider, error) {
	return Provider{}, errUnwritten
}

// ProviderByName finds a provider for the operator's commands.
func (db *DB) ProviderByName(ctx context.Context, name string) (Provider, error) {
	return Provider{}, errUnwritten
}

// AddStaff makes a person one of a provider's staff, or changes the role of one.
func (db *DB) AddStaff(ctx context.Context, by, providerID, personID uuid.UUID, role StaffRole) error {
	return errUnwritten
}
