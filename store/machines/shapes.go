package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// Shape is a size of node that a provider offers, with its rate.
type Shape struct {
	ID        uuid.UUID
	Name      string
	VCPUs     int `db:"vcpus"`
	MemoryMiB int `db:"memory_mib"`
	DiskGiB   int `db:"disk_gib"`
	Rate      billing.Rate
}

// Size is the shape without its rate.
func (s Shape) Size() provisioner.Shape {
	return provisioner.Shape{VCPUs: s.VCPUs, MemoryMiB: s.MemoryMiB, DiskGiB: s.DiskGiB}
}

// Shapes lists a provider's shapes, the cheapest first.
func (db *DB) Shapes(ctx context.Context, providerID uuid.UUID) ([]Shape, error) {
	return ReadShapes(ctx, db.pool, providerID)
}

// ReadShapes is Shapes in a caller's transaction.
func ReadShapes(ctx context.Context, q store.Queryer, providerID uuid.UUID) ([]Shape, error) {
	rows, _ := q.Query(ctx, `
		SELECT id, name, vcpus, memory_mib, disk_gib, rate FROM shapes
		WHERE provider_id = $1 AND retired_at IS NULL ORDER BY rate, vcpus, memory_mib, disk_gib, name`, providerID)
	return store.All(rows, "shapes", pgx.RowToStructByName[Shape])
}
