package store

import (
	"context"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
)

// Shape is a size of node that a provider offers, with its rate.
type Shape struct {
	ID        uuid.UUID
	Name      string
	VCPUs     int
	MemoryMiB int
	DiskGiB   int
	Rate      billing.Rate
}

// NewShape is what CreateShape needs.
type NewShape struct {
	Name string
	provisioner.Shape
	Rate billing.Rate // 0 takes the default of billing.ShapeRate
}

// CreateShape adds a shape, whose rate never changes. Refusals: "invalid" by field, "duplicate".
func (db *DB) CreateShape(ctx context.Context, by, providerID uuid.UUID, s NewShape) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}

// Shapes lists a provider's shapes, the cheapest first.
func (db *DB) Shapes(ctx context.Context, providerID uuid.UUID) ([]Shape, error) {
	return nil, errUnwritten
}
