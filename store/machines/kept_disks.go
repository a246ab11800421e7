package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// KeptDisksRule is what a provider keeps, free of charge, of clusters that do not run.
type KeptDisksRule struct {
	Days int  `db:"kept_days_most"` // at most, after a lease's end
	GiB  *int `db:"kept_gib_most"`  // of one organization's disks at most; nil: no bound
}

// KeptDisks is what of an organization's disks a provider keeps.
type KeptDisks struct {
	ProviderID   uuid.UUID
	ProviderName string
	Clusters     int // stopped ones
	Lying        int // GiB of disks of stopped clusters
	Promised     int // GiB of those that run, and are to be kept when their leases end
	KeptDisksRule
}

// Left is how many GiB may still be kept; nil: there is no bound.
func (k KeptDisks) Left() *int {
	if k.GiB == nil {
		return nil
	}
	left := max(*k.GiB-k.Lying-k.Promised, 0)
	return &left
}

// selectKept counts by provider. What is promised counts as what lies: at the end of a lease nobody is there to be refused.
const selectKept = `
	SELECT pr.id AS provider_id, pr.name AS provider_name, count(DISTINCT c.id) FILTER (WHERE c.desired = 'stopped')::int AS clusters,
		coalesce(sum(n.disk_gib) FILTER (WHERE c.desired = 'stopped'), 0)::int AS lying,
		coalesce(sum(n.disk_gib) FILTER (WHERE c.desired IN ('running', 'paused') AND c.at_end = 'keep'), 0)::int AS promised,
		pr.kept_days_most, pr.kept_gib_most
	FROM providers pr
	LEFT JOIN clusters c ON c.provider_id = pr.id AND c.organization_id = $1 AND c.kind = 'cluster' AND c.ended_at IS NULL AND c.desired <> 'gone' AND c.id <> $2
	LEFT JOIN nodes n ON n.cluster_id = c.id AND n.desired <> 'gone'`

// KeptDisks lists the providers at which disks of an organization's stopped clusters lie, by name.
func (db *DB) KeptDisks(ctx context.Context, orgID uuid.UUID) ([]KeptDisks, error) {
	rows, _ := db.pool.Query(ctx, selectKept+` GROUP BY pr.id HAVING count(n.id) FILTER (WHERE c.desired = 'stopped') > 0 ORDER BY pr.name, pr.id`, orgID, uuid.Nil)
	return store.All(rows, "kept disks", pgx.RowToStructByName[KeptDisks])
}

// KeptDisksAt is what one provider keeps of an organization's disks, which may be nothing. Refusal: NotFound("provider").
func (db *DB) KeptDisksAt(ctx context.Context, providerID, orgID uuid.UUID) (KeptDisks, error) {
	return readKept(ctx, db.pool, providerID, orgID, uuid.Nil)
}

// readKept leaves one cluster out.
func readKept(ctx context.Context, q store.Queryer, providerID, orgID, but uuid.UUID) (KeptDisks, error) {
	rows, _ := q.Query(ctx, selectKept+` WHERE pr.id = $3 GROUP BY pr.id`, orgID, but, providerID)
	return store.One(rows, "provider", pgx.RowToStructByName[KeptDisks])
}

// lockKept makes those queue who have a provider promise an organization to keep disks, so that two at once are counted one
// after the other. It comes before the locks of memberships and wallets.
func lockKept(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "kept disks of "+orgID.String()); err != nil {
		return fmt.Errorf("lock kept disks of organization %s: %w", orgID, err)
	}
	return nil
}

// refuses says why so many GiB more are not kept; nil where they are.
func (k KeptDisks) refuses(gib int) *refusal.Error {
	if k.GiB == nil || k.Lying+k.Promised+gib <= *k.GiB {
		return nil
	}
	f := store.Fields{}
	f.Add("at_end", "%s keeps at most %d GiB of your organization's disks: %d GiB of stopped clusters lie there, %d GiB of those that run are promised, and this cluster has %d GiB. "+
		"Choose that it is deleted at the end, or delete a stopped cluster.", typed.Isolate(k.ProviderName), *k.GiB, k.Lying, k.Promised, gib)
	return refusal.Invalid(f)
}

// keeps refuses a launch whose disks would be kept after its lease beyond what its provider keeps of its organization's.
func (c launchCase) keeps(p launchPlan) *refusal.Error {
	if c.Test || c.Terms.AtEnd != AtEndKeep {
		return nil
	}
	return c.Kept.refuses(c.quoteLease(p).DiskGiB)
}

// KeptDisksRule reads what a provider keeps. Refusal: NotFound("provider").
func (db *DB) KeptDisksRule(ctx context.Context, providerID uuid.UUID) (KeptDisksRule, error) {
	rows, _ := db.pool.Query(ctx, `SELECT kept_days_most, kept_gib_most FROM providers WHERE id = $1`, providerID)
	return store.One(rows, "provider", pgx.RowToStructByName[KeptDisksRule])
}
