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

// lockedCluster is a cluster whose row is locked: what is wanted of it changes only under this lock.
type lockedCluster struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	ProviderID     uuid.UUID
	PoolID         uuid.UUID
	Kind           string
	Desired        provisioner.Desired
	Reason         provisioner.Reason
	Generation     int64
	StartCount     int
	LeaseSeconds   int64
	EndedAt        *time.Time
	LeaseTerms
	Barred
	Paused
	Nodes []provisioner.NodeStanding `db:"-"`
	Now   time.Time
}

// State is what a page shows.
func (c lockedCluster) State() provisioner.ClusterState {
	return provisioner.DeriveClusterState(c.Desired == provisioner.DesiredPaused, c.Nodes)
}

// lockCluster locks one cluster and reads the states of its nodes in a second statement: those of the first one's
// snapshot may be older than the lock.
func lockCluster(ctx context.Context, tx pgx.Tx, id uuid.UUID) (lockedCluster, error) {
	return readCluster(ctx, tx, id, "FOR NO KEY UPDATE")
}

// readCluster reads a cluster; lock is how its row is locked, empty: not at all, for who changes nothing.
func readCluster(ctx context.Context, tx pgx.Tx, id uuid.UUID, lock string) (lockedCluster, error) {
	rows, _ := tx.Query(ctx, `
		SELECT id, organization_id, provider_id, pool_id, kind, desired, reason, generation, start_count, lease_seconds, ended_at,
			lease_until, until_stopped, at_end, keep_days, barred_at, barred_why, disks_until, paused_at, paused_why, paused_until, now() AS now
		FROM clusters WHERE id = $1 `+lock, id)
	c, err := store.One(rows, "cluster", pgx.RowToStructByName[lockedCluster])
	if err != nil {
		return c, err
	}
	rows, _ = tx.Query(ctx, `SELECT desired, state FROM nodes WHERE cluster_id = $1 AND state <> 'gone' ORDER BY id`, id)
	c.Nodes, err = store.All(rows, "states of nodes", pgx.RowToStructByName[provisioner.NodeStanding])
	return c, err
}

// lockHostedCluster is lockCluster for the provider on whose hosts it is: another's is not there.
func lockHostedCluster(ctx context.Context, tx pgx.Tx, providerID, id uuid.UUID) (lockedCluster, error) {
	c, err := lockCluster(ctx, tx, id)
	if err == nil && c.ProviderID != providerID {
		return lockedCluster{}, refusal.NotFound("cluster")
	}
	return c, err
}

// lockOwnCluster is lockCluster for an organization: another's is not there.
func lockOwnCluster(ctx context.Context, tx pgx.Tx, orgID, id uuid.UUID) (lockedCluster, error) {
	c, err := lockCluster(ctx, tx, id)
	if err == nil && c.OrganizationID != orgID {
		return lockedCluster{}, refusal.NotFound("cluster")
	}
	return c, err
}

// want changes what is wanted of all nodes of a locked cluster that are not to be gone already, which ends a pause of it and
// the batches that are on their way up and the drains, and for how long its disks were to be kept, wakes the workers, and shows at once that the nodes are ending.
func (c lockedCluster) want(ctx context.Context, tx pgx.Tx, d provisioner.Desired, reason provisioner.Reason, detail string) error {
	_, err := tx.Exec(ctx, `
		UPDATE clusters SET desired = $2, reason = $3, reason_detail = $4, generation = generation + 1, retry_at = NULL, attempts = 0,
			paused_at = NULL, paused_by = NULL, paused_why = '', paused_until = NULL, kept_until = NULL
		WHERE id = $1`, c.ID, d, reason, detail)
	if err != nil {
		return fmt.Errorf("want cluster %s %s: %w", c.ID, d, err)
	}
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE nodes SET desired = $2 WHERE cluster_id = $1 AND desired NOT IN ('gone', $2)`, c.ID, d)
	batch.Queue(`
		UPDATE nodes SET state = 'stopping', reason = $2, reason_detail = '', state_at = now()
		WHERE cluster_id = $1 AND state IN ('starting', 'ready', 'pausing', 'paused')`, c.ID, reason)
	batch.Queue(`
		UPDATE batches SET ended_at = now(), reason = CASE $2 WHEN '' THEN 'asked' ELSE $2 END, reason_detail = $3
		WHERE cluster_id = $1 AND ready_at IS NULL AND ended_at IS NULL`, c.ID, reason, detail)
	batch.Queue(`UPDATE drains SET closed_at = now(), outcome = 'overtaken' WHERE cluster_id = $1 AND closed_at IS NULL`, c.ID)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("end nodes of cluster %s: %w", c.ID, err)
	}
	return nil
}

func wrongState(what string, s provisioner.ClusterState, next string) *refusal.Error {
	return &refusal.Error{Code: "state", Title: fmt.Sprintf("This cluster cannot be %s: it is %s.", what, s), Next: next}
}

// EndTestCluster has the cluster of an acceptance test deleted, whatever became of the test. It locks the cluster.
func (db *DB) EndTestCluster(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	c, err := lockCluster(ctx, tx, id)
	if err != nil || c.Desired == provisioner.DesiredGone {
		return err
	}
	return c.want(ctx, tx, provisioner.DesiredGone, provisioner.ReasonTestEnded, "")
}
