package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// Reasons that end a run besides those of provisioner.Reason.
const (
	endGap       = "gap"       // no proof of life for more than two rounds
	endRestarted = "restarted" // the machine was seen with another start identity
)

// unproven are the ends of runs after which the same start may be proven again, and goes on with a new run.
func unproven() []string {
	return []string{
		endGap, string(provisioner.ReasonHostLost), string(provisioner.ReasonPaused), string(provisioner.ReasonPausedOnHost), string(provisioner.ReasonHalted),
	}
}

// BeginRuns opens a run for each of some ready nodes of a cluster (nil: of all), from when they became ready; nodes.start_id and
// clusters.lease_ends_at are set already in this transaction. Nodes that have an open run, or cost nothing, are
// left as they are, so it may be called again. Where the database's clock was set back since the host's last round, a run
// begins with that round: the next one, which comes after it, would else prove time that nobody used.
func (db *DB) BeginRuns(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID, nodeIDs []uuid.UUID) error {
	rows, err := tx.Query(ctx, `
		SELECT n.id, n.start_id, n.rate, w.id AS wallet_id, c.id AS cluster_id,
		       date_trunc('second', s.at) AS started_at, date_trunc('second', c.lease_ends_at) AS ends_by, s.at AS proven_at
		  FROM nodes n JOIN clusters c ON c.id = n.cluster_id JOIN hosts h ON h.id = n.host_id
		  CROSS JOIN LATERAL (SELECT CASE WHEN h.round_at > clock_timestamp() THEN h.round_at ELSE coalesce(n.ready_at, c.ready_at) END AS at) s
		  JOIN wallets w ON w.provider_id = c.provider_id AND w.organization_id = c.organization_id
		 WHERE c.id = $1 AND c.kind = 'cluster' AND n.state = 'ready' AND n.rate > 0 AND ($2::uuid[] IS NULL OR n.id = ANY ($2))
		   AND NOT EXISTS (SELECT FROM runs r WHERE r.node_id = n.id AND r.closed_at IS NULL)
		 ORDER BY n.id`, clusterID, nodeIDs)
	if err != nil {
		return fmt.Errorf("begin runs of cluster %s: %w", clusterID, err)
	}
	runs, err := pgx.CollectRows(rows, pgx.RowToStructByName[newRun])
	if err != nil {
		return fmt.Errorf("begin runs of cluster %s: %w", clusterID, err)
	}
	return insertRuns(ctx, tx, runs)
}

// EndRuns closes the open runs of a cluster, or of some of its nodes, where they were last proven. Nothing is
// booked by it: settleCluster or Release comes next.
func (db *DB) EndRuns(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID, nodeIDs []uuid.UUID, reason string) error {
	_, err := tx.Exec(ctx, `
		UPDATE runs SET closed_at = now(), close_reason = $3, span = tstzrange(started_at, ended_at)
		 WHERE cluster_id = $1 AND closed_at IS NULL AND ($2::uuid[] IS NULL OR node_id = ANY ($2))`,
		clusterID, nodeIDs, reason)
	if err != nil {
		return fmt.Errorf("end runs of cluster %s: %w", clusterID, err)
	}
	return nil
}
