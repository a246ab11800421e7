package store

import (
	"context"
	"net/netip"

	"github.com/google/uuid"
	"volary.dev/billing"
)

// NewPool is what CreatePool needs. Zero fields take the default named beside them.
type NewPool struct {
	Name          string
	Prefix        netip.Prefix   // clusters take their subnets out of it
	SubnetBits    int            // 24
	Underlay      netip.Prefix   // the network between the pool's hosts
	Management    []netip.Prefix // guests may not reach these
	Storage       string         // "local"
	MachineType   string         // "q35"
	CPU           string         // empty: the driver's default
	MTU           int            // 1450, inside clusters
	NoMasquerade  bool           // guests may not go out
	WipeDisks     bool
	TestVCPUs     int // set aside for acceptance tests; 0 takes 4
	MaxLeaseHours int // 720
}

// Pool is a group of hosts of one provider, with what is free in it now.
type Pool struct {
	ID            uuid.UUID
	ProviderID    uuid.UUID
	ProviderName  string
	Name          string
	Prefix        netip.Prefix
	Underlay      netip.Prefix
	Storage       string
	MachineType   string
	CPU           string
	TestVCPUs     int
	MaxLeaseHours int

	Hosts         int // all of them
	ActiveHosts   int // those that take nodes now
	VCPUs         int // of active hosts
	FreeVCPUs     int
	MemoryMiB     int
	FreeMemoryMiB int
	CheapestRate  billing.Rate // of the provider's shapes; 0 where it has none
}

// CreatePool adds a pool to a provider. Refusals: "invalid" by field, "duplicate".
func (db *DB) CreatePool(ctx context.Context, by, providerID uuid.UUID, p NewPool) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}

// Pools lists the pools of every provider, by provider and name.
func (db *DB) Pools(ctx context.Context) ([]Pool, error) { return nil, errUnwritten }

// PoolByName finds a provider's pool for the operator's commands.
func (db *DB) PoolByName(ctx context.Context, providerID uuid.UUID, name string) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}
