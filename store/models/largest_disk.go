package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// LargestDisk is the largest disk that a node can have, of all shapes that providers offer; zero where there is no shape.
type LargestDisk struct {
	GiB      int64
	Shape    string
	Provider string
}

// LargestDisk finds the largest disk of any shape that is not retired, of a provider that is not suspended.
func (db *DB) LargestDisk(ctx context.Context) (LargestDisk, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT s.disk_gib AS gib, s.name AS shape, p.name AS provider FROM shapes s JOIN providers p ON p.id = s.provider_id
		WHERE s.retired_at IS NULL AND p.state = 'active' ORDER BY s.disk_gib DESC, p.name, s.name LIMIT 1`)
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[LargestDisk])
	if errors.Is(err, pgx.ErrNoRows) {
		return LargestDisk{}, nil
	}
	if err != nil {
		return d, fmt.Errorf("largest disk: %w", err)
	}
	return d, nil
}
