package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// ExtendLeases extends by an hour each lease that ends when its cluster is stopped and has an hour or less left, and sets the hours
// for it aside in the same transaction. One that cannot be extended, for hours do not last, or its organization, provider, cap, host or
// the pool's longest lease does not let it, stays as it is and says why; it is tried again each minute. Each is judged afresh under its
// cluster's lock, so that it may run late, twice and in several workers at once: no hour is set aside twice. It returns how many it
// extended.
func (db *DB) ExtendLeases(ctx context.Context) (int, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT id FROM clusters WHERE until_stopped AND ended_at IS NULL AND desired = 'running' AND lease_ends_at <= now() + make_interval(secs => $1)
			AND (lease_tried_at IS NULL OR lease_tried_at NOT BETWEEN now() - interval '1 minute' AND now()) ORDER BY id`, selfExtension)
	ids, err := store.All(rows, "leases that extend themselves", pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, err
	}
	count := 0
	for _, id := range ids {
		var extended bool
		err := db.core.Tx(ctx, func(tx pgx.Tx) error {
			c, err := lockCluster(ctx, tx, id)
			if err != nil {
				return err
			}
			extended, _, err = db.extendItself(ctx, tx, c)
			return err
		})
		if err != nil {
			return count, fmt.Errorf("extend lease of cluster %s by itself: %w", id, err)
		}
		if extended {
			count++
		}
	}
	return count, nil
}

// selfLease is what decides about a lease that extends itself, read under its cluster's lock.
type selfLease struct {
	Ends          *time.Time // nil: it has not begun
	Now           time.Time
	MaxLeaseHours int
	ProviderState string
	Suspended     bool       // its organization is
	StartedBy     *uuid.UUID // nil, as StartedAt: before it was kept
	StartedAt     *time.Time
}

// add is by how many seconds a lease is to be longer: by an hour, or where nobody looked until it was over, by as many as lead beyond now.
// due is false where more than an hour is ahead.
func (l selfLease) add() (seconds int64, due bool) {
	if l.Ends == nil || l.Ends.Sub(l.Now) > selfExtension*time.Second {
		return 0, false
	}
	missing := max(int64(l.Now.Sub(*l.Ends)/time.Second), 0)
	return (missing/selfExtension + 1) * selfExtension, true
}

// extendItself extends the lease of a locked cluster if it is due, or notes why it stays. Whoever comes second finds an hour ahead.
func (db *DB) extendItself(ctx context.Context, tx pgx.Tx, c lockedCluster) (extended bool, why string, err error) {
	if !c.UntilStopped || c.Desired != provisioner.DesiredRunning {
		return false, "", nil
	}
	rows, _ := tx.Query(ctx, `
		SELECT c.lease_ends_at AS ends, clock_timestamp() AS now, p.max_lease_hours, pr.state AS provider_state, o.suspended_at IS NOT NULL AS suspended,
			s.person_id AS started_by, s.at AS started_at
		FROM clusters c JOIN pools p ON p.id = c.pool_id JOIN providers pr ON pr.id = c.provider_id JOIN organizations o ON o.id = c.organization_id
		LEFT JOIN cluster_starts s ON s.cluster_id = c.id AND s.number = c.start_count
		WHERE c.id = $1`, c.ID)
	l, err := store.One(rows, "cluster", pgx.RowToStructByName[selfLease])
	if err != nil {
		return false, "", err
	}
	add, due := l.add()
	if !due {
		return false, "", nil
	}
	add = min(add, int64(l.MaxLeaseHours)*3600-c.LeaseSeconds)
	held, err := db.holdMore(ctx, tx, c, l, add)
	if r, ok := refusal.As(err); ok {
		return false, r.Title, c.stays(ctx, tx, r.Title)
	}
	if err != nil {
		return false, "", err
	}
	return true, "", c.extendedItself(ctx, tx, add, held)
}

// holdMore sets aside what an extension takes, or refuses it before anything is written. Hosts are locked first, as by every extension.
func (db *DB) holdMore(ctx context.Context, tx pgx.Tx, c lockedCluster, l selfLease, add int64) (need billing.Hours, err error) {
	switch {
	case l.Suspended:
		return 0, &refusal.Error{Code: "suspended", Title: "Its organization is suspended."}
	case l.ProviderState != "active":
		return 0, &refusal.Error{Code: "provider", Title: "Its provider sells no hours now."}
	case add < leastLease:
		return 0, &refusal.Error{Code: "invalid", Title: fmt.Sprintf("Its pool gives leases of %d h at most, and this one is that long.", l.MaxLeaseHours)}
	}
	nodes, err := restartNodes(ctx, tx, c.ID)
	if err != nil {
		return 0, err
	}
	if need, err = restartNeed(nodes, add); err != nil {
		return 0, err
	}
	if err := c.capItself(ctx, tx, l, need); err != nil {
		return 0, err
	}
	if err := c.refuseDraining(ctx, tx, "FOR NO KEY UPDATE"); err != nil {
		return 0, err
	}
	return need, db.books.Hold(ctx, tx, c.ProviderID, c.OrganizationID, c.ID, need, c.Now)
}

// capItself keeps to the cap of who started the cluster, to which all hours of this start count.
func (c lockedCluster) capItself(ctx context.Context, tx pgx.Tx, l selfLease, need billing.Hours) error {
	if l.StartedBy == nil {
		return nil
	}
	limit, err := readCap(ctx, tx, c.OrganizationID, *l.StartedBy)
	if err != nil || limit == nil || l.StartedAt.Before(limit.Since) {
		return err
	}
	return holdToCap(ctx, tx, c.OrganizationID, *l.StartedBy, need)
}

// extendedItself moves the end for which hours were just set aside.
func (c lockedCluster) extendedItself(ctx context.Context, tx pgx.Tx, add int64, held billing.Hours) error {
	ends, err := c.extend(ctx, tx, add)
	if err != nil {
		return err
	}
	if err := c.extendBatches(ctx, tx, add); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE clusters SET lease_stays = '', lease_tried_at = NULL WHERE id = $1`, c.ID); err != nil {
		return fmt.Errorf("extend lease of cluster %s: %w", c.ID, err)
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "extend lease", Subject: "cluster", SubjectID: c.ID,
		Detail: map[string]any{"add_seconds": add, "lease_seconds": c.LeaseSeconds + add, "held": held, "lease_ends_at": ends},
	})
}

// stays notes why the lease was not extended: it ends when what is set aside for it does, which is told as other ends are.
func (c lockedCluster) stays(ctx context.Context, tx pgx.Tx, why string) error {
	if letters := []rune(why); len(letters) > mostDetail {
		why = string(letters[:mostDetail]) + "…"
	}
	if _, err := tx.Exec(ctx, `UPDATE clusters SET lease_stays = $2, lease_tried_at = now() WHERE id = $1`, c.ID, why); err != nil {
		return fmt.Errorf("note why the lease of cluster %s stays: %w", c.ID, err)
	}
	return nil
}

// hourNeed is what an hour of all nodes of the cluster takes.
func (c lockedCluster) hourNeed(ctx context.Context, tx pgx.Tx) (billing.Hours, error) {
	nodes, err := restartNodes(ctx, tx, c.ID)
	if err != nil {
		return 0, err
	}
	return restartNeed(nodes, selfExtension)
}
