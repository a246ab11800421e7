package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// UnbilledTime gives what a provider's nodes were ready in a month and was not billed, the most first. It follows from
// the runs: each ends at its last proof of life, and what is not proven lies between that and either the run that the
// same start went on with, or the moment in which the node was no longer taken for ready. Nobody knows of a host that is
// silent still whether its machines run: that time is added when one of them is seen again. A gap across a month's end
// counts in both months with what lies in each.
func (db *DB) UnbilledTime(ctx context.Context, providerID uuid.UUID, month billing.Month) ([]billing.Unbilled, error) {
	period, err := db.accountingPeriod(ctx, providerID, month)
	if err != nil {
		return nil, err
	}
	// Clusters by their provider, runs by their cluster, and what comes after a run by its node: each has an index. A
	// cluster that ended before the month has nothing in it; OFFSET 0 keeps the planner from reading all runs there ever were,
	// since it takes the month's clusters for many more than they are. Only what ended for want of proof, or with a pause, goes on with the same start
	// (resumeRuns). A node that was placed elsewhere was on another host before.
	anew := []string{endRestarted, string(provisioner.ReasonHostRestarted), string(provisioner.ReasonStartedAnew)}
	rows, _ := db.pool.Query(ctx, `
		WITH gaps AS (
			SELECT CASE WHEN n.left_at > r.ended_at THEN n.left_host_id ELSE n.host_id END AS host_id, r.close_reason, r.rate,
			       r.ended_at AS from_at, coalesce(f.started_at, least(date_trunc('second', r.closed_at), r.ends_by)) AS to_at
			  FROM clusters c CROSS JOIN LATERAL (
				SELECT x.id, x.node_id, x.start_id, x.rate, x.ended_at, x.ends_by, x.closed_at, x.close_reason FROM runs x
				 WHERE x.cluster_id = c.id AND x.closed_at IS NOT NULL AND x.ended_at < $3 OFFSET 0) r
			  JOIN nodes n ON n.id = r.node_id
			  LEFT JOIN LATERAL (
				SELECT x.started_at, x.start_id FROM runs x
				 WHERE x.node_id = r.node_id AND x.started_at >= r.ended_at AND x.id <> r.id AND r.close_reason = ANY ($13)
				 ORDER BY x.started_at, x.id LIMIT 1) f ON f.start_id = r.start_id
			 WHERE c.provider_id = $1 AND c.kind = 'cluster' AND c.created_at < $3 AND (c.ended_at IS NULL OR c.ended_at > $2)
		), told AS (
			SELECT g.host_id, g.rate, extract(epoch FROM least(g.to_at, $3) - greatest(g.from_at, $2))::bigint AS seconds,
			       CASE WHEN g.close_reason = $5 OR g.close_reason = $4 AND EXISTS (
			                   SELECT FROM host_silences s WHERE s.host_id = g.host_id AND s.from_at < g.to_at
			                      AND (s.until_at IS NULL OR s.until_at > g.from_at)) THEN $8
			            WHEN g.close_reason = $4 THEN $9
			            WHEN g.close_reason = ANY ($6) THEN $10
			            WHEN g.close_reason = $7 THEN $11
			            WHEN g.close_reason = $14 THEN $17
			            WHEN g.close_reason = $15 THEN $18
			            WHEN g.close_reason = $16 THEN $19
			            ELSE $12::text END AS why
			  FROM gaps g WHERE g.to_at > g.from_at AND g.to_at > $2
		)
		SELECT h.id AS host_id, h.name AS host_name, t.why, count(*) AS times, sum(t.seconds)::bigint AS seconds,
		       sum(t.seconds * t.rate)::bigint AS hours
		  FROM told t JOIN hosts h ON h.id = t.host_id
		 GROUP BY h.id, t.why ORDER BY hours DESC, h.name, t.why`,
		providerID, period.From, period.To, endGap, provisioner.ReasonHostLost, anew, provisioner.ReasonGuestOff,
		billing.UnbilledSilent, billing.UnbilledLate, billing.UnbilledRestarted, billing.UnbilledOff, billing.UnbilledEnded,
		unproven(), provisioner.ReasonPaused, provisioner.ReasonPausedOnHost, provisioner.ReasonHalted,
		billing.UnbilledPaused, billing.UnbilledSuspended, billing.UnbilledHalted)
	list, err := store.All(rows, "time not billed", pgx.RowToStructByName[billing.Unbilled])
	if err != nil {
		return nil, fmt.Errorf("time of provider %s not billed in %s: %w", providerID, month, err)
	}
	return list, nil
}
