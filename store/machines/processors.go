package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// ReadProcessors says of the pools p that where chooses how their vCPUs are made, by the hosts that take nodes; a pool without
// any is left out.
func ReadProcessors(ctx context.Context, tx pgx.Tx, where string, args ...any) (map[uuid.UUID]provisioner.Processors, error) {
	rows, _ := tx.Query(ctx, `
		SELECT h.pool_id, coalesce(h.acceleration, ''), h.cpu_model, `+HostVCPUs+`, h.processors, coalesce(h.uefi, false)
		FROM hosts h JOIN pools p ON p.id = h.pool_id WHERE `+TakesNodes+` AND `+where, args...)
	list := map[uuid.UUID]provisioner.Processors{}
	var pool uuid.UUID
	var h Host
	var uefi bool
	_, err := pgx.ForEachRow(rows, []any{&pool, &h.Acceleration, &h.CPUModel, &h.Capacity.VCPUs, &h.Processors, &uefi}, func() error {
		p := list[pool]
		p.Add(h.Acceleration, h.CPUModel, h.Capacity.VCPUs, h.Processors)
		if uefi {
			p.UEFI++
		}
		list[pool] = p
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read processors: %w", err)
	}
	return list, nil
}

// PoolProcessors says how the vCPUs of one pool of a provider are made. NotFound("pool").
func (db *DB) PoolProcessors(ctx context.Context, providerID, poolID uuid.UUID) (p provisioner.Processors, err error) {
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		var id uuid.UUID
		err := tx.QueryRow(ctx, `SELECT id FROM pools WHERE provider_id = $1 AND id = $2`, providerID, poolID).Scan(&id)
		if err := store.Found(err, "pool"); err != nil {
			return err
		}
		list, err := ReadProcessors(ctx, tx, `p.provider_id = $1 AND p.id = $2`, providerID, poolID)
		p = list[poolID]
		return err
	})
	return p, err
}
