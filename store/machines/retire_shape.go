package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// ShapeRow is a shape as its provider's staff see it.
type ShapeRow struct {
	ID        uuid.UUID
	Name      string
	VCPUs     int `db:"vcpus"`
	MemoryMiB int `db:"memory_mib"`
	DiskGiB   int `db:"disk_gib"`
	Rate      billing.Rate
	Nodes     int // that have it now, stopped ones among them
	Retired   bool
}

// ShapeFilter narrows and orders a list of shapes. Sorting keys: name, vcpus, memory, disk, rate, nodes.
type ShapeFilter struct {
	Search  string // part of the name
	Retired bool   // those that are no longer offered, instead of those that are
	store.Sorting
	store.Page
}

var shapeColumns = store.Sortable{"name": "s.name", "vcpus": "s.vcpus", "memory": "s.memory_mib", "disk": "s.disk_gib", "rate": "s.rate", "nodes": "nodes"}

// shapeNodes counts the nodes of shape s that are not gone. A node keeps its shape's name, which no other shape of the
// provider ever has.
const shapeNodes = `(SELECT count(*) FROM nodes n WHERE n.provider_id = s.provider_id AND n.shape_name = s.name AND n.state <> 'gone')::int`

// ProviderShapes lists a provider's shapes, the cheapest first unless asked otherwise, and how many the filter leaves.
func (db *DB) ProviderShapes(ctx context.Context, providerID uuid.UUID, f ShapeFilter) (list []ShapeRow, total int, err error) {
	const where = ` WHERE s.provider_id = $1 AND (s.retired_at IS NOT NULL) = $2 AND ($3 = '' OR s.name ILIKE $4)`
	args := []any{providerID, f.Retired, f.Search, store.Like(f.Search)}
	if err := db.pool.QueryRow(ctx, `SELECT count(*) FROM shapes s`+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count shapes: %w", err)
	}
	rows, _ := db.pool.Query(ctx, `
		SELECT s.id, s.name, s.vcpus, s.memory_mib, s.disk_gib, s.rate, `+shapeNodes+` AS nodes, s.retired_at IS NOT NULL AS retired
		FROM shapes s`+where+shapeColumns.OrderBy(f.Sorting, "s.rate, s.vcpus, s.memory_mib, s.name")+` LIMIT $5 OFFSET $6`,
		append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "shapes", pgx.RowToStructByName[ShapeRow])
	return list, total, err
}

// RetireShape ends the offering of a shape; nodes keep what they were launched with, and its name is not given again.
// Refusals: "shape_in_use" with the number of nodes that have it, NotFound("shape").
func (db *DB) RetireShape(ctx context.Context, by, providerID, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// Launches read shapes under their pool's lock: all of the provider's, in order, so that none is between.
		if _, err := tx.Exec(ctx, `SELECT FROM pools WHERE provider_id = $1 ORDER BY id FOR UPDATE`, providerID); err != nil {
			return fmt.Errorf("lock pools: %w", err)
		}
		var name string
		var nodes int
		err := tx.QueryRow(ctx, `SELECT s.name, `+shapeNodes+` FROM shapes s
			WHERE s.id = $1 AND s.provider_id = $2 AND s.retired_at IS NULL FOR UPDATE`, id, providerID).Scan(&name, &nodes)
		if err != nil {
			return store.Found(err, "shape")
		}
		if nodes > 0 {
			return &refusal.Error{
				Code: "shape_in_use", Title: fmt.Sprintf("%s is the shape of %s now.", typed.Isolate(name), refusal.Plural(nodes, "node", "nodes")),
				Next: "Retire it when the clusters with it are gone; until then add the shape that replaces it.",
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE shapes SET retired_at = now() WHERE id = $1`, id); err != nil {
			return fmt.Errorf("retire shape: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "retire shape", Subject: "shape", SubjectID: id})
	})
}
