package overview

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// FirstSteps is how far an organization has come on the way to its first cluster.
type FirstSteps struct {
	Invited  bool // somebody else, whether they have come or not
	Uploaded bool // an image is here, or waits for its verdict
	Tested   bool // a version passed its acceptance test
	Bought   bool // or was granted hours
	Launched bool
}

// FirstSteps tells it in one query.
func (db *DB) FirstSteps(ctx context.Context, orgID uuid.UUID) (FirstSteps, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT (SELECT count(*) FROM memberships WHERE organization_id = $1) > 1
				OR EXISTS (SELECT FROM invitations WHERE organization_id = $1) AS invited,
			EXISTS (SELECT FROM images WHERE organization_id = $1)
				OR EXISTS (SELECT FROM uploads WHERE organization_id = $1 AND state IN ('checking', 'unverified')) AS uploaded,
			EXISTS (SELECT FROM acceptance_tests WHERE organization_id = $1 AND state = 'passed') AS tested,
			EXISTS (SELECT FROM wallets w JOIN lots l ON l.wallet_id = w.id WHERE w.organization_id = $1) AS bought,
			EXISTS (SELECT FROM clusters WHERE organization_id = $1 AND kind = 'cluster') AS launched`, orgID)
	return store.One(rows, "first steps", pgx.RowToStructByName[FirstSteps])
}
