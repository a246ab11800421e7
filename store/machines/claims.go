package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ClaimClusters takes up to n clusters whose wanted state is not reached and that nobody works on, for ttl. A worker
// that died lets its claims run out, and another goes on.
func (db *DB) ClaimClusters(ctx context.Context, worker string, n int, ttl time.Duration) ([]uuid.UUID, error) {
	// SKIP LOCKED: workers that claim at once take different clusters instead of waiting for one another.
	rows, _ := db.pool.Query(ctx, `
		UPDATE clusters SET claimed_by = $1, claimed_until = now() + $3::interval
		WHERE id IN (SELECT id FROM clusters
			WHERE reconciled_generation < generation AND (claimed_until IS NULL OR claimed_until <= now()
					OR claimed_until > now() + interval '1 hour') -- nobody claims for that long: the clock was set back
				AND (retry_at IS NULL OR retry_at <= now())
			ORDER BY retry_at NULLS FIRST, id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
		RETURNING id`, worker, n, ttl)
	return store.All(rows, "claimed clusters", pgx.RowTo[uuid.UUID])
}

// KeepClaim prolongs a claim; false means that another worker has taken the cluster over, or may have.
func (db *DB) KeepClaim(ctx context.Context, id uuid.UUID, worker string, ttl time.Duration) (bool, error) {
	tag, err := db.pool.Exec(ctx, `
		UPDATE clusters SET claimed_until = now() + $3::interval
		WHERE id = $1 AND claimed_by = $2 AND claimed_until > now()`, id, worker, ttl)
	if err != nil {
		return false, fmt.Errorf("keep claim on cluster %s: %w", id, err)
	}
	return tag.RowsAffected() > 0, nil
}

// ReleaseClaim gives a cluster back. reconciled is the generation that was reached (0: none, which counts as an attempt);
// retryAfter holds the cluster back for a while unless something else is wanted of it meanwhile.
func (db *DB) ReleaseClaim(ctx context.Context, id uuid.UUID, worker string, reconciled int64, retryAfter time.Duration) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE clusters SET claimed_by = NULL, claimed_until = NULL,
			reconciled_generation = greatest(reconciled_generation, least($3, generation)),
			attempts = CASE WHEN $3 > 0 THEN 0 ELSE attempts + 1 END,
			retry_at = CASE WHEN $4::interval > interval '0' THEN now() + $4::interval END
		WHERE id = $1 AND claimed_by = $2`, id, worker, reconciled, retryAfter)
	if err != nil {
		return fmt.Errorf("release claim on cluster %s: %w", id, err)
	}
	return nil
}
