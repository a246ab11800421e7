package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// OwnedAt is where hours are good: at a provider, or with a pool on that alone.
type OwnedAt struct{ ProviderID, PoolID uuid.UUID }

// ReadOwned is what an organization has left at each provider, and on each pool alone.
func ReadOwned(ctx context.Context, q store.Queryer, orgID uuid.UUID) (map[OwnedAt]billing.Hours, error) {
	owned := map[OwnedAt]billing.Hours{}
	if orgID == uuid.Nil {
		return owned, nil
	}
	rows, _ := q.Query(ctx, `
		SELECT w.provider_id, l.pool_id, sum(l.available)::bigint FROM lots l JOIN wallets w ON w.id = l.wallet_id
		WHERE w.organization_id = $1 AND (l.expires_at IS NULL OR l.expires_at > now()) GROUP BY w.provider_id, l.pool_id`, orgID)
	var provider uuid.UUID
	var pool *uuid.UUID
	var hours billing.Hours
	_, err := pgx.ForEachRow(rows, []any{&provider, &pool, &hours}, func() error {
		at := OwnedAt{ProviderID: provider}
		if pool != nil {
			at.PoolID = *pool
		}
		owned[at] = hours
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read hours left: %w", err)
	}
	return owned, nil
}
