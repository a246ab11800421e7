package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
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

// NewShape is what CreateShape needs.
type NewShape struct {
	Name string
	provisioner.Shape
	Rate billing.Rate // 0 takes the default of billing.ShapeRate
}

// CreateShape adds a shape, whose rate never changes. Refusals: "invalid" by field (name, vcpus, memory, disk, rate),
// "duplicate", "suspended", NotFound("provider").
func (db *DB) CreateShape(ctx context.Context, by, providerID uuid.UUID, s NewShape) (uuid.UUID, error) {
	f := fields{}
	f.length("name", s.Name, 1, 40)
	f.between("vcpus", int64(s.VCPUs), 1, 1024, " vCPUs")
	f.between("memory", int64(s.MemoryMiB), 64, 16<<20, " MiB")
	f.between("disk", int64(s.DiskGiB), 1, 65536, " GiB")
	f.check(s.Rate >= 0 && s.Rate <= billing.MaxRate, "rate", "Choose a rate above 0, in thousandths of a compute hour per hour.")
	if err := f.refusal(); err != nil {
		return uuid.Nil, err
	}
	if s.Rate == 0 {
		s.Rate = billing.ShapeRate(s.VCPUs, s.MemoryMiB)
	}
	id, err := newID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.tx(ctx, func(tx pgx.Tx) error {
		if err := refuseSuspendedProvider(ctx, tx, providerID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO shapes (id, provider_id, name, vcpus, memory_mib, disk_gib, rate, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, now())`, id, providerID, s.Name, s.VCPUs, s.MemoryMiB, s.DiskGiB, s.Rate)
		switch {
		case uniqueViolation(err, "shapes_provider_id_name_key"):
			return duplicate("a shape", "name", s.Name)
		case err != nil:
			return fmt.Errorf("create shape: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{By: by, Provider: providerID, Verb: "create shape", Subject: "shape", SubjectID: id})
	})
}

// Shapes lists a provider's shapes, the cheapest first.
func (db *DB) Shapes(ctx context.Context, providerID uuid.UUID) ([]Shape, error) {
	return readShapes(ctx, db.pool, providerID)
}

func readShapes(ctx context.Context, q queryer, providerID uuid.UUID) ([]Shape, error) {
	rows, _ := q.Query(ctx, `
		SELECT id, name, vcpus, memory_mib, disk_gib, rate FROM shapes
		WHERE provider_id = $1 AND retired_at IS NULL ORDER BY rate, vcpus, memory_mib, disk_gib, name`, providerID)
	return all(rows, "shapes", pgx.RowToStructByName[Shape])
}
