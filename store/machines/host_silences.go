package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// HostSilence is a time in which a host did not answer its rounds.
type HostSilence struct {
	FromAt  time.Time
	UntilAt *time.Time // its next answer; nil: it is silent still
	Rounds  int        // missed
	Why     string     // of the last one, in its driver's words
}

// mostSilences is how many silences are kept of a host: the page shows the last, and nothing grows without a bound.
const mostSilences = 100

// HostSilences lists a host's last silences, the newest first.
func (db *DB) HostSilences(ctx context.Context, providerID, id uuid.UUID, limit int) ([]HostSilence, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT s.from_at, s.until_at, s.rounds, s.why FROM host_silences s JOIN hosts h ON h.id = s.host_id
		WHERE h.id = $1 AND h.provider_id = $2 ORDER BY s.from_at DESC LIMIT $3`, id, providerID, limit)
	return store.All(rows, "silences of a host", pgx.RowToStructByName[HostSilence])
}

// noteSilence begins a silence with a host's missed round, or goes on with the one that is open. The host is locked.
func noteSilence(ctx context.Context, tx pgx.Tx, hostID uuid.UUID, why string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO host_silences AS s (host_id, from_at, rounds, why) VALUES ($1, clock_timestamp(), 1, $2)
		ON CONFLICT (host_id) WHERE until_at IS NULL DO UPDATE SET rounds = s.rounds + 1, why = excluded.why`, hostID, why)
	if err != nil {
		return fmt.Errorf("note silence of host %s: %w", hostID, err)
	}
	_, err = tx.Exec(ctx, `
		DELETE FROM host_silences WHERE host_id = $1 AND from_at <= (
			SELECT from_at FROM host_silences WHERE host_id = $1 ORDER BY from_at DESC OFFSET $2 LIMIT 1)`, hostID, mostSilences)
	if err != nil {
		return fmt.Errorf("forget old silences of host %s: %w", hostID, err)
	}
	return nil
}

// endSilence ends what noteSilence began.
func endSilence(ctx context.Context, tx pgx.Tx, hostID uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE host_silences SET until_at = clock_timestamp() WHERE host_id = $1 AND until_at IS NULL`, hostID)
	if err != nil {
		return fmt.Errorf("end silence of host %s: %w", hostID, err)
	}
	return nil
}
