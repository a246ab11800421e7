package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// ProveLife moves the ends of the open runs of a host's nodes to the round's start (whole seconds, never beyond the
// lease), all in one statement. A run whose last proof is too long ago, or whose machine was started anew, is ended
// where it was last proven. Where the same start is seen again after such a gap, a new run begins. Proofs of an
// earlier round than the last change nothing. What is proven is booked by SettleUsage.
func (db *DB) ProveLife(ctx context.Context, tx pgx.Tx, hostID uuid.UUID, roundStart time.Time, round time.Duration, proofs []billing.Proof) error {
	if len(proofs) == 0 {
		return nil
	}
	p := proofColumns(proofs)
	if err := endBrokenRuns(ctx, tx, p, roundStart, billing.LongestGap(round)); err != nil {
		return err
	}
	extended, err := extendRuns(ctx, tx, hostID, p, roundStart)
	if err != nil || extended == len(proofs) {
		return err
	}
	return resumeRuns(ctx, tx, hostID, p, roundStart)
}

type proofArrays struct {
	nodes  []uuid.UUID
	starts []string
}

func proofColumns(proofs []billing.Proof) proofArrays {
	var p proofArrays
	for _, x := range proofs {
		p.nodes, p.starts = append(p.nodes, x.NodeID), append(p.starts, x.StartID)
	}
	return p
}

func endBrokenRuns(ctx context.Context, tx pgx.Tx, p proofArrays, roundStart time.Time, gap time.Duration) error {
	_, err := tx.Exec(ctx, `
		UPDATE runs r
		   SET closed_at = now(), span = tstzrange(r.started_at, r.ended_at),
		       close_reason = CASE WHEN r.start_id = s.start_id THEN $5 ELSE $6 END
		  FROM unnest($1::uuid[], $2::text[]) AS s (node_id, start_id)
		 WHERE r.node_id = s.node_id AND r.closed_at IS NULL
		   AND (r.start_id <> s.start_id OR $3::timestamptz - r.proven_at > $4::interval)`,
		p.nodes, p.starts, roundStart, gap, endGap, endRestarted)
	if err != nil {
		return fmt.Errorf("end broken runs: %w", err)
	}
	return nil
}

func extendRuns(ctx context.Context, tx pgx.Tx, hostID uuid.UUID, p proofArrays, roundStart time.Time) (int, error) {
	tag, err := tx.Exec(ctx, `
		UPDATE runs r
		   SET proven_at = $4, proofs = r.proofs + 1,
		       longest_gap = CASE WHEN r.proofs IS NOT NULL THEN greatest(r.longest_gap, $4 - r.proven_at) END, ended_at = greatest(r.ended_at, least(date_trunc('second', $4::timestamptz), r.ends_by))
		  FROM unnest($2::uuid[], $3::text[]) AS s (node_id, start_id)
		  JOIN nodes n ON n.id = s.node_id AND n.host_id = $1
		 WHERE r.node_id = s.node_id AND r.start_id = s.start_id AND r.closed_at IS NULL AND r.proven_at < $4`,
		hostID, p.nodes, p.starts, roundStart)
	if err != nil {
		return 0, fmt.Errorf("prove life on host %s: %w", hostID, err)
	}
	return int(tag.RowsAffected()), nil
}

// resumeRuns opens a new run where the last one ended for want of proof, or with a pause, and the same start is seen again, as long
// as the cluster is wanted, its lease lasts and hours are held for it.
func resumeRuns(ctx context.Context, tx pgx.Tx, hostID uuid.UUID, p proofArrays, roundStart time.Time) error {
	rows, err := tx.Query(ctx, `
		SELECT n.id, s.start_id, n.rate, r.wallet_id, c.id AS cluster_id, date_trunc('second', $4::timestamptz) AS started_at,
		       date_trunc('second', c.lease_ends_at) AS ends_by, $4::timestamptz AS proven_at
		  FROM unnest($2::uuid[], $3::text[]) AS s (node_id, start_id)
		  JOIN nodes n ON n.id = s.node_id AND n.host_id = $1
		  JOIN clusters c ON c.id = n.cluster_id AND c.desired = 'running' AND n.desired = 'running' AND c.lease_ends_at > $4
		  JOIN LATERAL (SELECT * FROM runs WHERE node_id = n.id ORDER BY started_at DESC, id DESC LIMIT 1) r
		    ON r.start_id = s.start_id AND r.close_reason = ANY ($5) AND r.proven_at < $4
		 WHERE EXISTS (SELECT FROM holds h WHERE h.cluster_id = c.id AND h.held > 0)
		 ORDER BY n.id`, hostID, p.nodes, p.starts, roundStart, unproven())
	if err != nil {
		return fmt.Errorf("resume runs on host %s: %w", hostID, err)
	}
	runs, err := pgx.CollectRows(rows, pgx.RowToStructByName[newRun])
	if err != nil {
		return fmt.Errorf("resume runs on host %s: %w", hostID, err)
	}
	return insertRuns(ctx, tx, runs)
}

// newRun is a run about to be opened; ID is the node's.
type newRun struct {
	ID        uuid.UUID
	StartID   string
	Rate      billing.Rate
	WalletID  uuid.UUID
	ClusterID uuid.UUID
	StartedAt time.Time
	EndsBy    time.Time
	ProvenAt  time.Time
}

// insertRuns opens runs, and leaves a node alone that got one in the meantime. A run starts no earlier than the node's last
// one ended, whatever the clock says.
func insertRuns(ctx context.Context, tx pgx.Tx, runs []newRun) error {
	batch := &pgx.Batch{}
	for _, r := range runs {
		id, err := store.NewID()
		if err != nil {
			return err
		}
		batch.Queue(`
			INSERT INTO runs (id, wallet_id, cluster_id, node_id, start_id, rate, started_at, ended_at, ends_by, proven_at)
			SELECT $1, $2, $3, $4, $5, $6, s.at, s.at, greatest($8, s.at), $9
			  FROM (SELECT greatest($7::timestamptz, (SELECT max(ended_at) FROM runs WHERE node_id = $4)) AS at) s
			ON CONFLICT (node_id) WHERE closed_at IS NULL DO NOTHING`,
			id, r.WalletID, r.ClusterID, r.ID, r.StartID, r.Rate, r.StartedAt, r.EndsBy, r.ProvenAt)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("open %d runs: %w", len(runs), err)
	}
	return nil
}
