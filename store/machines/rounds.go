package machines

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// HostClaim is a host whose observation a worker has taken over.
type HostClaim struct {
	ID           uuid.UUID
	Name         string
	ProviderID   uuid.UUID
	Address      provisioner.HostAddress
	MissedRounds int
	WipeDisks    bool // its pool's policy
	Checking     bool // a check of it waits or runs
}

// ClaimHosts takes or keeps, for ttl, every enrolled host that once passed its check and that no other worker observes.
func (db *DB) ClaimHosts(ctx context.Context, worker string, ttl time.Duration) ([]HostClaim, error) {
	rows, _ := db.pool.Query(ctx, `
		UPDATE hosts h SET claimed_by = $1, claimed_until = now() + $2::interval
		WHERE id IN (SELECT id FROM hosts
			WHERE acceleration IS NOT NULL AND enrolled_at IS NOT NULL AND removed_at IS NULL AND (claimed_by = $1 OR claimed_until IS NULL OR claimed_until <= now()
				OR claimed_until > now() + interval '1 hour') -- nobody claims for that long: the clock was set back
			ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
		RETURNING h.id, h.name, h.provider_id, `+hostAddress+`, h.missed_rounds,
			(SELECT wipe_disks FROM pools WHERE pools.id = h.pool_id), h.check_state = 'running'`, worker, ttl)
	return store.All(rows, "claimed hosts", func(row pgx.CollectableRow) (h HostClaim, err error) {
		err = row.Scan(slices.Concat([]any{&h.ID, &h.Name, &h.ProviderID}, scanAddress(&h.Address), []any{&h.MissedRounds, &h.WipeDisks, &h.Checking})...)
		return h, err
	})
}

// StartRound is what stamps a host's next round, read before the host is asked: the database's present time. Where that
// clock was set back since the last round it is the moment after that one, so that the host's rounds go on in their
// order; nothing is used meanwhile, which is right towards the group.
func (db *DB) StartRound(ctx context.Context, hostID uuid.UUID) (time.Time, error) {
	var at time.Time
	err := db.pool.QueryRow(ctx, `
		SELECT greatest(clock_timestamp(), round_at + interval '1 microsecond') FROM hosts WHERE id = $1`, hostID).Scan(&at)
	return at, store.Found(err, "host")
}
