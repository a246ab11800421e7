package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
	"volary.dev/store/people"
)

// CreatePool adds a pool to a provider. Networks of the provider's clusters on other pools are made anew: their guests may
// not reach this one's hosts. Refusals: "invalid" by field (name, prefix, subnet_bits, underlay, management, allowed, storage, machine_type, mtu, test_vcpus, max_lease, location, policy, placement, overcommit, host_labels), "duplicate", "suspended", NotFound("provider").
func (db *DB) CreatePool(ctx context.Context, by, providerID uuid.UUID, p NewPool) (uuid.UUID, error) {
	p = p.withDefaults()
	if err := p.check(); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspendedProvider(ctx, tx, providerID); err != nil {
			return err
		}
		if err := p.fitsBeside(ctx, tx, providerID, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO pools (id, provider_id, name, prefix, subnet_bits, underlay, management, storage, machine_type, cpu,
				mtu, masquerade, wipe_disks, test_vcpus, max_lease_hours, location, policy, allowed, placement, overcommit, host_labels, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, now())`,
			id, providerID, p.Name, p.Prefix.Masked(), p.SubnetBits, p.Underlay.Masked(), p.Management, p.Storage, p.MachineType, p.CPU,
			p.MTU, !p.NoMasquerade, p.WipeDisks, p.TestVCPUs, p.MaxLeaseHours, p.Location, p.Policy, p.Allowed, p.Placement, p.Overcommit, p.HostLabels)
		switch {
		case store.UniqueViolation(err, "pools_provider_id_name_key"):
			return store.Duplicate("a pool", "name", p.Name)
		case err != nil:
			return fmt.Errorf("create pool: %w", err)
		}
		if err := store.TakeName(ctx, tx, store.TakenName{Kind: store.PoolName, Scope: providerID, Subject: id, Name: p.Name, Field: "name"}); err != nil {
			return err
		}
		if err := renewNetworks(ctx, tx, providerID); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "create pool", Subject: "pool", SubjectID: id})
	})
}
