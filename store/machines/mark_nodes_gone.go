package machines

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
)

// MarkNodesGone writes down that nothing of some nodes of a cluster is left on any host; none named: of no node of a cluster
// that is to be gone. They keep the digests of their images alone, their runs end, and the networks of those that stay are to be
// made without them; what is set aside for them comes back. With a cluster's last node it is over itself: VNI and subnet free, its secret forgotten, final settlement,
// hold released. Marking twice is no error; a node that is not to be gone is a defect of the caller.
func (db *DB) MarkNodesGone(ctx context.Context, id uuid.UUID, nodes ...uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lockCluster(ctx, tx, id)
		if err != nil || c.EndedAt != nil {
			return err
		}
		if len(nodes) == 0 && c.Desired != provisioner.DesiredGone {
			return fmt.Errorf("mark cluster %s gone: it is to be %s", id, c.Desired)
		}
		var kept, left, run int
		err = tx.QueryRow(ctx, `
			SELECT count(*) FILTER (WHERE marked AND desired <> 'gone'), count(*) FILTER (WHERE NOT marked), count(*) FILTER (WHERE NOT marked AND desired = 'running')
			FROM (SELECT desired, id = ANY ($2) OR cardinality($2::uuid[]) = 0 AS marked FROM nodes WHERE cluster_id = $1 AND state <> 'gone') AS n`,
			id, asArray(nodes)).Scan(&kept, &left, &run)
		if err != nil {
			return fmt.Errorf("read nodes of cluster %s: %w", id, err)
		}
		if kept > 0 {
			return fmt.Errorf("mark nodes of cluster %s gone: %d are to stay", id, kept)
		}
		// Why it goes is said already of one whose batch failed.
		_, err = tx.Exec(ctx, `
			UPDATE nodes SET state = 'gone', image_id = NULL, state_at = now(), reason = CASE WHEN $3 <> '' THEN $3 WHEN reason <> '' THEN reason ELSE $4 END
			WHERE cluster_id = $1 AND state <> 'gone' AND (id = ANY ($2) OR cardinality($2::uuid[]) = 0)`, id, asArray(nodes), c.Reason, provisioner.ReasonAsked)
		if err != nil {
			return fmt.Errorf("mark nodes of cluster %s gone: %w", id, err)
		}
		if left == 0 && c.Desired == provisioner.DesiredGone {
			return db.endGone(ctx, tx, c)
		}
		if run > 0 {
			_, err = tx.Exec(ctx, `UPDATE clusters SET network_generation = network_generation + 1, generation = generation + 1 WHERE id = $1`, id)
			if err != nil {
				return fmt.Errorf("renew networks of cluster %s: %w", id, err)
			}
		}
		if len(nodes) == 0 {
			return nil
		}
		if err := db.books.EndRuns(ctx, tx, id, nodes, string(provisioner.ReasonAsked)); err != nil {
			return err
		}
		return db.releaseNodes(ctx, tx, c, nodes)
	})
}

// releaseNodes gives back what is set aside for nodes that are gone, from where they were last proven to the lease's end. One that was
// never ready has its batch's hold, which came back when that failed.
func (db *DB) releaseNodes(ctx context.Context, tx pgx.Tx, c lockedCluster, nodes []uuid.UUID) error {
	var part billing.Hours
	// No more than what nobody has used, whatever was set aside: else nothing could be said gone.
	err := tx.QueryRow(ctx, `
		SELECT least(
			(SELECT coalesce(sum(n.rate * greatest(extract(epoch FROM date_trunc('second', c.lease_ends_at) - r.ended_at)::bigint, 0)), 0)
				FROM nodes n CROSS JOIN LATERAL (SELECT ended_at FROM runs WHERE node_id = n.id ORDER BY ended_at DESC LIMIT 1) r
				WHERE n.cluster_id = c.id AND n.id = ANY ($2) AND n.ready_at IS NOT NULL),
			greatest((SELECT coalesce(sum(set_aside - released), 0) FROM holds WHERE cluster_id = c.id)
				- (SELECT coalesce(sum(extract(epoch FROM ended_at - started_at)::bigint * rate), 0) FROM runs WHERE cluster_id = c.id), 0))::bigint
		FROM clusters c WHERE c.id = $1 AND c.lease_ends_at IS NOT NULL`, c.ID, nodes).Scan(&part)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && part == 0:
		return nil
	case err != nil:
		return fmt.Errorf("read what is set aside for nodes of cluster %s: %w", c.ID, err)
	}
	return db.books.ReleasePart(ctx, tx, c.ID, part, c.Now)
}

// endGone ends a cluster of which nothing is left.
func (db *DB) endGone(ctx context.Context, tx pgx.Tx, c lockedCluster) error {
	if _, err := tx.Exec(ctx, `UPDATE clusters SET vni = NULL, subnet = NULL, seed_secret = '', ended_at = now() WHERE id = $1`, c.ID); err != nil {
		return fmt.Errorf("mark cluster %s gone: %w", c.ID, err)
	}
	return db.settleEnd(ctx, tx, c, c.Reason)
}

// asArray is what a query takes for a list, which may be nil.
func asArray(ids []uuid.UUID) []uuid.UUID { return append([]uuid.UUID{}, ids...) }
