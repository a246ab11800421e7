package machines

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/people"
)

// ExtendLease lengthens the lease of a cluster that is wanted running by addSeconds, and sets the hours for it aside as
// a launch does. A member's that is above the cap is asked for by RequestExtension. What was proven and booked before stays as it is. Refusals: "state" (not running, lease over, a test,
// or on a host that is being drained), "invalid" for lease with the pool's numbers, "cap", "balance", "provider",
// "suspended", "paused", NotFound.
func (db *DB) ExtendLease(ctx context.Context, orgID, by, id uuid.UUID, addSeconds int64) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		return db.extendLease(ctx, tx, extension{ClusterID: id, OrganizationID: orgID, For: by, By: by, Add: addSeconds})
	})
}

// extension is one about to be decided. For and By are those of launch.
type extension struct {
	ClusterID      uuid.UUID
	OrganizationID uuid.UUID
	For, By        uuid.UUID
	Add            int64 // seconds
	Start          int   // of the cluster, that it is meant for; 0: whichever runs
}

func (db *DB) extendLease(ctx context.Context, tx pgx.Tx, e extension) error {
	c, need, err := e.lock(ctx, tx)
	if err != nil {
		return err
	}
	if e.By == e.For {
		if err := c.extensionCap(ctx, tx, e.For, need); err != nil {
			return err
		}
	}
	ends, err := c.extend(ctx, tx, e.Add)
	if err != nil {
		return err
	}
	if err := c.extendBatches(ctx, tx, e.Add); err != nil {
		return err
	}
	if err := db.books.Hold(ctx, tx, c.ProviderID, e.OrganizationID, e.ClusterID, need, c.Now); err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		By: e.For, Elsewhere: e.By != e.For, Organization: e.OrganizationID, Provider: c.ProviderID, Verb: "extend lease", Subject: "cluster", SubjectID: e.ClusterID,
		Detail: map[string]any{"add_seconds": e.Add, "lease_seconds": c.LeaseSeconds + e.Add, "held": need, "lease_ends_at": ends},
	})
}

// lock locks the cluster, refuses what is wrong with it or with the extension, and says what it takes.
func (e extension) lock(ctx context.Context, tx pgx.Tx) (c lockedCluster, need billing.Hours, err error) {
	if err := people.RefuseSuspended(ctx, tx, e.OrganizationID); err != nil {
		return c, 0, err
	}
	if c, err = lockOwnCluster(ctx, tx, e.OrganizationID, e.ClusterID); err != nil {
		return c, 0, err
	}
	if e.Start != 0 && e.Start != c.StartCount {
		return c, 0, &refusal.Error{
			Code: "state", Title: fmt.Sprintf("This extension was asked for the cluster's start %d, which is over: now it has its start %d.", e.Start, c.StartCount),
			Next: "Decline the request. Who needs the cluster for longer asks anew.",
		}
	}
	if err := c.refusePaused(ctx, tx); err != nil {
		return c, 0, err
	}
	if err := c.mayExtend(ctx, tx, e.Add); err != nil {
		return c, 0, err
	}
	nodes, err := restartNodes(ctx, tx, e.ClusterID)
	if err != nil {
		return c, 0, err
	}
	need, err = restartNeed(nodes, e.Add)
	return c, need, err
}

// mayExtend judges by the clock and not by the transaction's begin: it may have waited for the lock while the lease ended.
func (c lockedCluster) mayExtend(ctx context.Context, tx pgx.Tx, add int64) error {
	if c.Desired != provisioner.DesiredRunning || c.Kind == "test" {
		return wrongState("extended", c.State(), "Only the lease of a cluster that starts or runs is extended. A stopped one is started with a new lease.")
	}
	var ends *time.Time
	var over bool
	var most int
	var provider string
	err := tx.QueryRow(ctx, `
		SELECT c.lease_ends_at, coalesce(c.lease_ends_at <= clock_timestamp(), false), p.max_lease_hours, pr.state
		FROM clusters c JOIN pools p ON p.id = c.pool_id JOIN providers pr ON pr.id = p.provider_id WHERE c.id = $1`,
		c.ID).Scan(&ends, &over, &most, &provider)
	if err != nil {
		return fmt.Errorf("read lease of cluster %s: %w", c.ID, err)
	}
	if over {
		return leaseOver(*ends)
	}
	if provider != "active" {
		return &refusal.Error{Code: "provider", Title: "The provider of this cluster sells no hours now.", Next: "Ask the provider. The cluster runs until its lease ends."}
	}
	left := int64(most)*3600 - c.LeaseSeconds
	f := store.Fields{}
	f.Check(add >= leastLease && add <= left, "lease",
		"The lease is %s, and this pool gives %s at most: extend it by %s.", leaseWords(c.LeaseSeconds), leaseWords(int64(most)*3600), leaseRange(left, add))
	return f.Refusal()
}

func leaseOver(ended time.Time) *refusal.Error {
	return &refusal.Error{
		Code: "state", Title: "The lease of this cluster ended at " + ended.UTC().Format("2 January 2006 15:04:05 MST") + ".",
		Next: "Wait until it has stopped, and start it again with a new lease, unless it is deleted at its lease's end.",
	}
}

// extensionCap keeps to members' caps. The hours count as those of who started the cluster, so that a member with a cap
// extends only what that cap counts, up to it; who has none decides, as in approving a request.
func (c lockedCluster) extensionCap(ctx context.Context, tx pgx.Tx, by uuid.UUID, need billing.Hours) error {
	own, err := readCap(ctx, tx, c.OrganizationID, by)
	if err != nil || own == nil {
		return err
	}
	var counted bool
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM cluster_starts WHERE cluster_id = $1 AND number = $2 AND person_id = $3 AND at >= $4)`,
		c.ID, c.StartCount, by, own.Since).Scan(&counted)
	if err != nil {
		return fmt.Errorf("who started cluster %s: %w", c.ID, err)
	}
	if counted {
		return holdToCap(ctx, tx, c.OrganizationID, by, need)
	}
	if _, err := tx.Exec(ctx, `SELECT FROM memberships WHERE organization_id = $1 AND person_id = $2 FOR NO KEY UPDATE`, c.OrganizationID, by); err != nil {
		return fmt.Errorf("lock membership: %w", err) // what is asked for instead is counted under it
	}
	return &refusal.Error{
		Code: "cap", Title: "You have a cap, and this cluster does not count to it: someone else started it, or it is older than the cap.",
		Next: "Ask a manager of your organization to do it.",
	}
}

// refuseDraining refuses what would keep a cluster on a host that is being emptied; lock is how its hosts are locked, empty: not at all.
func (c lockedCluster) refuseDraining(ctx context.Context, tx pgx.Tx, lock string) error {
	type host struct {
		Name  string
		State provisioner.HostState
	}
	rows, _ := tx.Query(ctx, `
		SELECT name, state FROM hosts WHERE id IN (SELECT host_id FROM nodes WHERE cluster_id = $1 AND state <> 'gone') ORDER BY id `+lock, c.ID)
	hosts, err := store.All(rows, "hosts of a cluster", pgx.RowToStructByName[host])
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(hosts, func(h host) bool { return h.State == provisioner.HostDraining }); i >= 0 {
		return &refusal.Error{
			Code: "state", Title: fmt.Sprintf("%s, which carries nodes of this cluster, is being emptied.", typed.Isolate(hosts[i].Name)),
			Next: "Launch the version anew beside it: new nodes get other hosts.",
		}
	}
	return nil
}

// extend moves the lease's end, and with it that of the open runs. Rounds read the end under their host's lock, hence
// these: no run begins with the old one meanwhile.
func (c lockedCluster) extend(ctx context.Context, tx pgx.Tx, add int64) (ends *time.Time, err error) {
	// Rounds hold these locks while they read the end.
	if err := c.refuseDraining(ctx, tx, "FOR NO KEY UPDATE"); err != nil {
		return nil, err
	}
	err = tx.QueryRow(ctx, `
		UPDATE clusters SET lease_seconds = lease_seconds + $2, lease_ends_at = lease_ends_at + make_interval(secs => $2)
		WHERE id = $1 RETURNING lease_ends_at`, c.ID, add).Scan(&ends)
	if err != nil {
		return nil, fmt.Errorf("extend lease of cluster %s: %w", c.ID, err)
	}
	if _, err := tx.Exec(ctx, `
		UPDATE runs SET ends_by = date_trunc('second', $2::timestamptz) WHERE cluster_id = $1 AND closed_at IS NULL`, c.ID, ends); err != nil {
		return nil, fmt.Errorf("extend runs of cluster %s: %w", c.ID, err)
	}
	return ends, nil
}

// extendBatches adds to each batch that is on its way up what is set aside for its nodes: it goes back with the rest where it
// fails.
func (c lockedCluster) extendBatches(ctx context.Context, tx pgx.Tx, add int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE batches b SET held = b.held + $2::bigint * (SELECT coalesce(sum(n.rate), 0) FROM nodes n WHERE n.batch_id = b.id AND n.desired = 'running')
		WHERE b.cluster_id = $1 AND b.ready_at IS NULL AND b.ended_at IS NULL`, c.ID, add)
	if err != nil {
		return fmt.Errorf("extend batches of cluster %s: %w", c.ID, err)
	}
	return nil
}
