package machines

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/plan"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/people"
)

// LaunchRequest is what a launch form asks for.
type LaunchRequest struct {
	VersionID    uuid.UUID
	PoolID       uuid.UUID
	Name         string // unique among the organization's clusters that are not gone
	Counts       Counts // of every compute group
	LeaseSeconds int64  // where Terms say no other end
	Terms        LeaseTerms
	store.References
}

// LaunchCluster sets the hours aside and reserves a host, address and MAC for each node, a subnet and a VNI; the
// worker does the rest. All nodes or none. Refusals: "invalid" by field (name, compute or
// count.GROUP (CountField), lease, at_end, keep_days, purchase_order, cost_centre, grant_number), "duplicate", "draft", "image", "image_lost", "certificate" (its provider wants to see one), "shape", "cap" (a member who may ask for it by
// RequestLaunch), "capacity" with the reason of every host, "balance", "suspended", NotFound("version" or "pool"). All but
// "cap" and NotFound come as LaunchRefused.
func (db *DB) LaunchCluster(ctx context.Context, orgID, by uuid.UUID, r LaunchRequest) (uuid.UUID, error) {
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	l := launch{ID: id, OrganizationID: orgID, For: by, By: by, Request: r}
	if err = db.core.Tx(ctx, func(tx pgx.Tx) error { return db.launch(ctx, tx, &l) }); err != nil {
		return uuid.Nil, db.carry(ctx, orgID, by, l.judged, err)
	}
	return id, nil
}

// launch is a launch about to be decided. For is in whose name it is; By is who decided, which is someone else where
// a manager approved a request: then no cap is asked.
type launch struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	For, By        uuid.UUID
	Request        LaunchRequest
	judged         judgement // for the page of a refusal
}

func (db *DB) launch(ctx context.Context, tx pgx.Tx, l *launch) error {
	// The pool's lock makes launches on it queue: what is free is still free when it is taken.
	if err := lockPool(ctx, tx, l.Request.PoolID); err != nil {
		return err
	}
	if err := people.RefuseSuspended(ctx, tx, l.OrganizationID); err != nil {
		return err
	}
	if err := models.HoldVersion(ctx, tx, l.OrganizationID, l.Request.VersionID); err != nil {
		return err
	}
	if err := lockKept(ctx, tx, l.OrganizationID); err != nil {
		return err
	}
	c, err := readLaunch(ctx, tx, l.OrganizationID, l.Request)
	if err != nil {
		return err
	}
	if err := c.judgeFields(ctx, tx, l.OrganizationID, l.Request); err != nil {
		return err
	}
	plan, refusal := c.size()
	l.judged = c.judged(plan)
	if refusal != nil {
		return refusal
	}
	if l.By == l.For {
		if err := holdToCap(ctx, tx, l.OrganizationID, l.For, plan.Need); err != nil {
			return err
		}
	}
	refusal = c.place(&plan)
	l.judged = c.judged(plan)
	if refusal != nil {
		return refusal
	}
	cl := newCluster{
		ID: l.ID, OrganizationID: l.OrganizationID, By: l.For, Kind: "cluster", Name: l.Request.Name, Lease: c.Lease, Held: plan.Need,
		References: l.Request.References,
	}
	if err := cl.reserve(ctx, tx, c, plan); err != nil {
		return err
	}
	if err := c.Terms.write(ctx, tx, l.ID); err != nil {
		return err
	}
	if err := writeStart(ctx, tx, l.ID, l.For); err != nil {
		return err
	}
	if err := db.books.Hold(ctx, tx, c.Pool.ProviderID, l.OrganizationID, l.ID, plan.Need, c.Now); err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		By: l.For, Elsewhere: l.By != l.For, Organization: l.OrganizationID, Provider: c.Pool.ProviderID, Verb: "launch cluster", Subject: "cluster", SubjectID: l.ID,
		Detail: map[string]any{"nodes": 1 + c.Counts.Sum(), "lease_seconds": c.Lease, "held": plan.Need},
	})
}

// lockPool is the first lock of every transaction that reserves anything. NO KEY: hosts and nodes may be read and
// referred to meanwhile.
func lockPool(ctx context.Context, tx pgx.Tx, poolID uuid.UUID) error {
	var id uuid.UUID
	err := tx.QueryRow(ctx, `SELECT id FROM pools WHERE id = $1 FOR NO KEY UPDATE`, poolID).Scan(&id)
	return store.Found(err, "pool")
}

// LaunchFaults are all sentences about a launch's fields that LaunchCluster would refuse it with, by field; those of fields
// that could not be read are not the caller's to show. A version or pool that is not there leaves out what follows from it.
func (db *DB) LaunchFaults(ctx context.Context, orgID uuid.UUID, r LaunchRequest) (faults map[string]string, err error) {
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		c, err := readLaunch(ctx, tx, orgID, r)
		if _, isRefusal := refusal.As(err); isRefusal {
			faults = r.faults()
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.judgeFields(ctx, tx, orgID, r); err != nil {
			return err
		}
		if refused := c.check(); refused != nil {
			faults = refused.Fields
		}
		return nil
	})
	return faults, err
}

// judgeFields puts what is wrong with the launch's own fields into its case, so that all faults are said at once.
func (c *launchCase) judgeFields(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, r LaunchRequest) error {
	c.Name, c.Faults = r.Name, r.faults()
	like := clusterNameLike(r.Name)
	rows, _ := tx.Query(ctx, `
		SELECT name FROM clusters WHERE organization_id = $1 AND ended_at IS NULL AND (name = $2 OR starts_with(name, $3))`,
		orgID, r.Name, nameStem(like))
	taken, err := store.All(rows, "cluster names", pgx.RowTo[string])
	if err != nil {
		return err
	}
	c.Taken = slices.Contains(taken, r.Name)
	if _, wrong := c.Faults["name"]; wrong || c.Taken {
		if c.FreeName = freeName(like, taken); wrong && c.FreeName != "" {
			c.Faults["name"] += " Try " + c.FreeName + "."
		}
	}
	return nil
}

func (r LaunchRequest) faults() store.Fields {
	f := store.Fields{}
	f.Check(validClusterName(r.Name), "name",
		"Write 1 to 40 lower-case letters, digits and hyphens, a letter first and no hyphen last: it is the cluster's domain name.")
	r.References.Check(f)
	return f
}

// nameTaken refuses the launch's name, with one that would do.
func (c launchCase) nameTaken() *refusal.Error {
	r := store.Duplicate("a cluster", "name", c.Name)
	if c.FreeName != "" {
		r.Next = "Choose another name, such as " + c.FreeName + "."
		r.Fields["name"] += " Try " + c.FreeName + "."
	}
	return r
}

// newCluster is a cluster about to be reserved.
type newCluster struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	By             uuid.UUID
	Kind           string // cluster, test
	Name           string
	Lease          int64 // seconds
	Held           billing.Hours
	store.References
}

// reserve writes the cluster and its nodes down, each with its host, address and MAC.
func (n newCluster) reserve(ctx context.Context, tx pgx.Tx, c launchCase, planned launchPlan) error {
	vni, err := nextVNI(ctx, tx)
	if err != nil {
		return err
	}
	subnet, err := freeSubnet(ctx, tx, c.Pool)
	if err != nil {
		return err
	}
	keys, out, err := seedKeys(ctx, tx, n.OrganizationID, n.By)
	if err != nil {
		return err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	_, err = tx.Exec(ctx, `
		INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, vni, subnet,
			seed_secret, lease_seconds, created_at, purchase_order, cost_centre, grant_number, ssh_keys_left_out, document_digest)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'running', $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		n.ID, n.OrganizationID, c.Pool.ProviderID, c.Pool.ID, c.Version.ID, n.By, n.Kind, n.Name, vni, subnet,
		hex.EncodeToString(secret), n.Lease, c.Now,
		n.PurchaseOrder, n.CostCentre, n.GrantNumber, out, c.Version.DocumentDigest)
	if store.UniqueViolation(err, "clusters_organization_id_name_idx") {
		return c.nameTaken()
	}
	if err != nil {
		return fmt.Errorf("reserve cluster: %w", err)
	}
	if err := writeKeys(ctx, tx, n.ID, keys); err != nil {
		return err
	}
	return n.reserveNodes(ctx, tx, c, planned, plan.Net{VNI: vni, Subnet: subnet})
}

// nextVNI takes the next network identifier that no cluster has. Two launches never get the same one of a sequence.
func nextVNI(ctx context.Context, tx pgx.Tx) (uint32, error) {
	for range 1000 {
		var vni uint32
		var taken bool
		err := tx.QueryRow(ctx, `
			WITH next AS MATERIALIZED (SELECT nextval('vnis')::int AS vni)
			SELECT vni, EXISTS (SELECT FROM clusters c WHERE c.vni = next.vni) FROM next`).Scan(&vni, &taken)
		if err != nil {
			return 0, fmt.Errorf("next VNI: %w", err)
		}
		if !taken {
			return vni, nil
		}
	}
	return 0, &refusal.Error{
		Code: "capacity", Title: "There is no free network identifier among the next 1000.", Next: "Try again in a moment.",
	}
}
