package machines

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// RecordMissedRound counts a round that the host did not answer; why is its driver's word. After more than two it is
// silent: its nodes are lost and their runs have ended at their last proof of life.
func (db *DB) RecordMissedRound(ctx context.Context, hostID uuid.UUID, worker, why string) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		clusters, err := lockReadyClusters(ctx, tx, hostID)
		if err != nil {
			return err
		}
		var seen provisioner.HostSeen
		err = tx.QueryRow(ctx, `
			UPDATE hosts SET missed_rounds = missed_rounds + 1
			WHERE id = $1 AND claimed_by = $2 AND claimed_until > now() RETURNING seen`, hostID, worker).Scan(&seen)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // another worker observes it now
		}
		if err != nil {
			return fmt.Errorf("record missed round of host %s: %w", hostID, err)
		}
		if err := noteSilence(ctx, tx, hostID, why); err != nil || seen != provisioner.HostSilent {
			return err
		}
		return db.loseNodes(ctx, tx, hostID, clusters, why)
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
	for _, id := range clusters {
		if len(lost[id]) == 0 {
			continue
		}
		if err := db.books.EndRuns(ctx, tx, id, lost[id], string(provisioner.ReasonHostLost)); err != nil {
			return err
		}
	}
	return nil
}
