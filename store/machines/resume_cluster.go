package machines

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// ResumeCluster takes PauseCluster back: machines go on where they stood, and each is billed again from its next proof of
// life. Its lease, and the time of a gate that was not met, end later by the length of the pause, in whole seconds. Where
// every machine went off meanwhile the cluster is a stopped one. Its organization is written to. It works for a suspended
// provider too. Refusals: "state" (not paused), "suspended" (its organization), NotFound.
func (db *DB) ResumeCluster(ctx context.Context, by, providerID, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// A suspended organization's is not started again; its row is shared before the cluster's is locked.
		var orgID uuid.UUID
		if err := tx.QueryRow(ctx, `SELECT organization_id FROM clusters WHERE id = $1 AND provider_id = $2`, id, providerID).Scan(&orgID); err != nil {
			return store.Found(err, "cluster")
		}
		suspended := people.RefuseSuspended(ctx, tx, orgID)
		if _, ok := refusal.As(suspended); suspended != nil && !ok {
			return suspended
		}
		c, err := lockHostedCluster(ctx, tx, providerID, id)
		if err != nil {
			return err
		}
		if c.Desired != provisioner.DesiredPaused {
			return wrongState("let go on", c.State(), "Only one that you paused goes on. A stopped one is started by its organization.")
		}
		if r, ok := refusal.As(suspended); ok {
			return &refusal.Error{Code: r.Code, Title: r.Title, Next: "Leave it paused until the suspension is lifted, or end it."}
		}
		length, err := c.goOn(ctx, tx)
		if err != nil {
			return err
		}
		if err := db.tellOfStaff(ctx, tx, c, store.MailClusterResumed, ""); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: c.OrganizationID, Provider: providerID, Verb: "resume cluster", Subject: "cluster", SubjectID: id,
			Detail: map[string]any{"paused_seconds": length},
		})
	})
}

// goOn writes the end of the pause down and gives its length in whole seconds. Nodes that were ready stay paused until a
// round sees them run; the others start on.
func (c lockedCluster) goOn(ctx context.Context, tx pgx.Tx) (length int64, err error) {
	var at time.Time
	err = tx.QueryRow(ctx, `
		SELECT greatest(clock_timestamp(), paused_at), floor(extract(epoch FROM greatest(clock_timestamp(), paused_at) - paused_at))::bigint
		FROM clusters WHERE id = $1`, c.ID).Scan(&at, &length)
	if err != nil {
		return 0, fmt.Errorf("read the length of a pause: %w", err)
	}
	// Rounding down keeps the runs before and after the pause within the lease that hours are set aside for.
	_, err = tx.Exec(ctx, `
		WITH b AS (UPDATE batches SET gate_deadline = gate_deadline + make_interval(secs => $2)
			WHERE cluster_id = $1 AND ready_at IS NULL AND ended_at IS NULL)
		UPDATE clusters SET lease_ends_at = lease_ends_at + make_interval(secs => $2) WHERE id = $1`, c.ID, length)
	if err != nil {
		return 0, fmt.Errorf("resume cluster %s: %w", c.ID, err)
	}
	if !slices.ContainsFunc(c.Nodes, func(n provisioner.NodeStanding) bool {
		return n.Desired == provisioner.DesiredRunning && n.State != provisioner.NodeStopped
	}) {
		return length, c.want(ctx, tx, provisioner.DesiredStopped, provisioner.ReasonGuestOff, "Its machines went off while it was paused.")
	}
	batch := &pgx.Batch{}
	batch.Queue(`
		UPDATE nodes SET state = CASE WHEN ready_at IS NULL THEN 'starting' ELSE 'paused' END, reason = CASE WHEN ready_at IS NULL THEN '' ELSE reason END,
			state_at = $2
		WHERE cluster_id = $1 AND state IN ('pausing', 'paused')`, c.ID, at)
	batch.Queue(`
		UPDATE clusters SET desired = 'running', reason = '', reason_detail = '', generation = generation + 1, retry_at = NULL, attempts = 0,
			paused_at = NULL, paused_by = NULL, paused_why = '', paused_until = NULL
		WHERE id = $1`, c.ID)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return 0, fmt.Errorf("resume cluster %s: %w", c.ID, err)
	}
	return length, nil
}
