package store

import (
	"context"

	"github.com/google/uuid"
)

// StartAcceptanceTest reserves one head and two compute nodes (fewer where the version's range has fewer) on the
// pool's test share, free and sealed, and queues the run. Refusals: "capacity" with the reason of every host, "image",
// "test_limit" (per organization and day, and one at a time for a version), NotFound("version" or "pool").
func (db *DB) StartAcceptanceTest(ctx context.Context, orgID, by, versionID, poolID uuid.UUID) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}
