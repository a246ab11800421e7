package machines

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// RecordMissedRound counts a round that the host did not answer; why is its driver's word. After more than two it is
// silent: its nodes are lost and their runs have ended at their last proof of life.
func (db *DB) RecordMissedRound(ctx context.Context, hostID uuid.UUID, worker, why string) error {
	return db.missRound(ctx, hostID, worker, why, false)
}

// RecordUnmetRound is RecordMissedRound of a host that has not answered this worker yet and may be about to: it is late, and does
// not become silent by it. One that is silent already stays so.
func (db *DB) RecordUnmetRound(ctx context.Context, hostID uuid.UUID, worker, why string) error {
	return db.missRound(ctx, hostID, worker, why, true)
}

func (db *DB) missRound(ctx context.Context, hostID uuid.UUID, worker, why string, unmet bool) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		clusters, err := lockReadyClusters(ctx, tx, hostID)
		if err != nil {
			return err
		}
		var seen provisioner.HostSeen
		var missed int
		err = tx.QueryRow(ctx, `
			UPDATE hosts SET missed_rounds = missed_rounds + CASE WHEN $3 AND missed_rounds = $4 - 1 THEN 0 ELSE 1 END
			WHERE id = $1 AND claimed_by = $2 AND claimed_until > now() RETURNING seen, missed_rounds`, hostID, worker, unmet, roundsToSilence).Scan(&seen, &missed)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // another worker observes it now
		}
		if err != nil {
			return fmt.Errorf("record missed round of host %s: %w", hostID, err)
		}
		if err := noteSilence(ctx, tx, hostID, why); err != nil || seen != provisioner.HostSilent {
			return err
		}
		if missed == roundsToSilence {
			if err := db.tellHostLost(ctx, tx, hostID, why); err != nil {
				return err
			}
		}
		return db.loseNodes(ctx, tx, hostID, clusters, why)
	})
}

// roundsToSilence is how many rounds a host misses until it is silent; the database's column seen says the same.
const roundsToSilence = 3

// tellHostLost tells the provider's staff, once for each silence. Hosts that fall silent together come in one mail.
func (db *DB) tellHostLost(ctx context.Context, tx pgx.Tx, hostID uuid.UUID, why string) error {
	var providerID uuid.UUID
	var provider, host, pool string
	var since time.Time
	var nodes int
	err := tx.QueryRow(ctx, `
		SELECT pr.id, pr.name, h.name, p.name, s.from_at,
			(SELECT count(*) FROM nodes n WHERE n.host_id = h.id AND n.state IN ('ready', 'lost', 'stopping'))::int
		FROM hosts h JOIN pools p ON p.id = h.pool_id JOIN providers pr ON pr.id = h.provider_id
		JOIN host_silences s ON s.host_id = h.id AND s.until_at IS NULL WHERE h.id = $1`, hostID).
		Scan(&providerID, &provider, &host, &pool, &since, &nodes)
	if err != nil {
		return fmt.Errorf("read silent host %s: %w", hostID, err)
	}
	return db.core.Tell(ctx, tx, store.EventHostLost, store.Happening{
		Place: providerID, Subject: hostID, Group: providerID, Mark: strconv.FormatInt(since.UnixMicro(), 10), Kind: store.MailHostLost,
		Data: map[string]string{
			"provider": provider, "path": "/provider/hosts",
			"line": fmt.Sprintf("%s of the pool %s, with %s, since %s: %s", host, pool, refusal.Plural(nodes, "node", "nodes"), store.MailTime(since), becauseOf("", why)),
		},
	})
}

// lockReadyClusters locks, in the order of ids and before the host's own row, the clusters whose nodes may get lost.
func lockReadyClusters(ctx context.Context, tx pgx.Tx, hostID uuid.UUID) ([]uuid.UUID, error) {
	rows, _ := tx.Query(ctx, `
		SELECT c.id FROM clusters c
		WHERE c.id IN (SELECT cluster_id FROM nodes WHERE host_id = $1 AND state IN ('ready', 'stopping'))
		ORDER BY c.id FOR NO KEY UPDATE`, hostID)
	return store.All(rows, "clusters of a host", pgx.RowTo[uuid.UUID])
}

func (db *DB) loseNodes(ctx context.Context, tx pgx.Tx, hostID uuid.UUID, clusters []uuid.UUID, why string) error {
	rows, _ := tx.Query(ctx, `
		UPDATE nodes SET state = 'lost', reason = $2, reason_detail = $4, state_at = now()
		WHERE host_id = $1 AND cluster_id = ANY ($3) AND state IN ('ready', 'stopping') RETURNING id, cluster_id`,
		hostID, provisioner.ReasonHostLost, clusters, why)
	var node, cluster uuid.UUID
	lost := map[uuid.UUID][]uuid.UUID{}
	if _, err := pgx.ForEachRow(rows, []any{&node, &cluster}, func() error {
		lost[cluster] = append(lost[cluster], node)
		return nil
	}); err != nil {
		return fmt.Errorf("lose nodes of host %s: %w", hostID, err)
	}
	var all []uuid.UUID
	for _, id := range clusters {
		if len(lost[id]) == 0 {
			continue
		}
		all = append(all, lost[id]...)
		if err := db.books.EndRuns(ctx, tx, id, lost[id], string(provisioner.ReasonHostLost)); err != nil {
			return err
		}
	}
	return db.tellNodesLost(ctx, tx, all)
}
