package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// PausedFor is for how long a pause lasts at most: then the cluster is ended, for the reason of its pause.
const PausedFor = 7 * 24 * time.Hour

// PauseCluster has the machines of a cluster on a provider's hosts stand, with their memory and disks, until ResumeCluster
// or EndCluster, or for PausedFor. It is not billed from now on, and what is set aside for it stays so; its organization
// can neither start, stop, extend nor delete it, nor see its consoles. A launch or start that is under way stands too, and
// its gate's time with it. Who started it and the organization's owners get reason by mail, and it stands on their page and
// in both logs. It works for a suspended provider too. Refusals: "invalid" for reason, "state" (not running, or an
// acceptance test's), NotFound.
func (db *DB) PauseCluster(ctx context.Context, by, providerID, id uuid.UUID, reason string) error {
	if err := checkStaffReason(reason); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lockHostedCluster(ctx, tx, providerID, id)
		if err != nil {
			return err
		}
		switch {
		case c.Kind == "test" && c.Desired != provisioner.DesiredGone:
			return &refusal.Error{
				Code: "state", Title: "This is the cluster of an acceptance test, which is not paused.",
				Next: "End it: it is deleted at once. Its network is sealed, and what its guests printed stays in the test's report.",
			}
		case c.Desired == provisioner.DesiredPaused:
			return wrongState("paused", c.State(), "It was paused already. Let it go on first to give another reason.")
		case c.Desired != provisioner.DesiredRunning:
			return wrongState("paused", c.State(), "Only a cluster that starts or runs is paused. The disks of a stopped one change no more.")
		}
		if err := c.pause(ctx, tx, by, reason); err != nil {
			return err
		}
		if err := db.tellOfStaff(ctx, tx, c, store.MailClusterPaused, reason); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: c.OrganizationID, Provider: providerID, Verb: "pause cluster", Subject: "cluster", SubjectID: id,
			Detail: map[string]any{"reason": reason},
		})
	})
}

// pause writes the pause down. Runs end with it whatever is proven before a worker has closed them; the moment is read
// under the cluster's lock, and is no earlier than what was proven.
func (c lockedCluster) pause(ctx context.Context, tx pgx.Tx, by uuid.UUID, reason string) error {
	var at time.Time
	err := tx.QueryRow(ctx, `
		SELECT greatest(clock_timestamp(), (SELECT max(ended_at) FROM runs WHERE cluster_id = $1 AND closed_at IS NULL))`, c.ID).Scan(&at)
	if err != nil {
		return fmt.Errorf("read the moment of a pause: %w", err)
	}
	batch := &pgx.Batch{}
	batch.Queue(`
		UPDATE clusters SET desired = 'paused', reason = $3, reason_detail = $4, generation = generation + 1, retry_at = NULL, attempts = 0,
			paused_at = $2::timestamptz, paused_by = $5, paused_why = $4, paused_until = $2::timestamptz + $6::interval
		WHERE id = $1`, c.ID, at, provisioner.ReasonPaused, reason, store.OrNull(by), PausedFor)
	batch.Queue(`
		UPDATE nodes SET state = 'pausing', reason = $3, reason_detail = '', state_at = $2
		WHERE cluster_id = $1 AND desired = 'running' AND state IN ('starting', 'ready', 'lost')`, c.ID, at, provisioner.ReasonPaused)
	batch.Queue(`
		UPDATE runs SET ends_by = least(ends_by, greatest(ended_at, date_trunc('second', $2::timestamptz)))
		WHERE cluster_id = $1 AND closed_at IS NULL`, c.ID, at)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("pause cluster %s: %w", c.ID, err)
	}
	return nil
}

// refusePaused refuses its organization what it may not do while its provider keeps it paused.
func (c lockedCluster) refusePaused(ctx context.Context, tx pgx.Tx) error {
	if c.Desired != provisioner.DesiredPaused {
		return nil
	}
	return pausedRefusal(ctx, tx, c.ProviderID, c.Paused)
}

func pausedRefusal(ctx context.Context, tx pgx.Tx, providerID uuid.UUID, p Paused) error {
	var provider, support string
	if err := tx.QueryRow(ctx, `SELECT name, support_contact FROM providers WHERE id = $1`, providerID).Scan(&provider, &support); err != nil {
		return fmt.Errorf("read provider %s: %w", providerID, err)
	}
	if support != "" {
		support = " (" + support + ")"
	}
	return &refusal.Error{
		Code: "paused", Title: fmt.Sprintf("%s paused this cluster: “%s”", provider, p.PausedWhy),
		Next: fmt.Sprintf("Ask %s%s to let it go on. It is not billed meanwhile, and nothing of it is lost. Unless they decide before, it is ended at %s, with its disks kept.",
			provider, support, p.PausedUntil.UTC().Format("2 January 2006 15:04 MST")),
	}
}
