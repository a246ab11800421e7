package machines

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// ClusterRow is a cluster in a list.
type ClusterRow struct {
	ID               uuid.UUID
	Name             string
	Test             bool                     // of an acceptance test: free and sealed
	State            provisioner.ClusterState // derived from the nodes
	Desired          provisioner.Desired
	Reason           provisioner.Reason
	ReasonDetail     string
	OrganizationID   uuid.UUID
	OrganizationName string
	ProviderName     string
	PoolName         string
	ModelName        string
	Version          string
	Nodes            int
	ReadyNodes       int
	RatePerHour      billing.Hours // of all nodes
	Used             billing.Hours // by all its starts, to the last proof of life
	CreatedAt        time.Time
	ReadyAt          *time.Time // of the present start
	LeaseSeconds     int64
	LeaseEndsAt      *time.Time // nil until ready
	Endless          bool       // its lease extends itself: LeaseEndsAt is up to when hours are set aside
	EndedAt          *time.Time
}

// ClusterFilter narrows a list of clusters.
type ClusterFilter struct {
	Gone bool // those that are gone, instead of those that are not
	Due  bool // in the order of their leases' ends, those without one, or that extend themselves, last, instead of the newest first
	store.Page
}

// ClusterDetail is one cluster with all that its page shows.
type ClusterDetail struct {
	ClusterRow
	ProviderID uuid.UUID
	PoolID     uuid.UUID
	VersionID  uuid.UUID
	Model      provisioner.Model // the document that it was launched from
	// DocumentDigest is what that is known by.
	DocumentDigest string
	PersonName     string             // who launched it
	GateDeadline   *time.Time         // of what is on its way up
	Held           billing.Hours      // set aside for it and not yet used
	Booked         billing.Hours      // of Used, what is in the ledger; the rest follows by the hour and at the end of runs
	Cost           *int64             // of what is booked, in the currency's minor unit; nil: no lot with a price paid
	Currency       billing.Currency   // of Cost
	ProvenAt       *time.Time         // up to where Used counts: the last proof of life; nil: none yet
	Subnet         netip.Prefix       // invalid once gone
	SSHHost        netip.Addr         // underlay address of the head's host; invalid until ready
	SSHPort        int                // 0 until ready
	SignIn         provisioner.SignIn // as the head's console said
	NodeRows       []NodeRow          // head first
	KeysLeftOut    []KeysLeftOut      // SSH keys that its present start had no room for
	EndedKeys      []OpenKey          // SSH keys of its present start whose right ended
	Untold         []UntoldNode       // nodes that have not been told of the latest change, where there is something to be told
	AbsentLogins   []AbsentLogin      // of members who have none on some nodes
	LeaseTerms
	LeaseStays    string     // why a lease that extends itself was not extended when it was due; empty: it was
	KeptUntil     *time.Time // when it is deleted, of one that its lease's end stopped
	Zone          string     // of its provider's accounting, in which dates of its lease are meant
	MaxLeaseHours int        // of its pool
	KeptDaysMost  int        // of its provider
	Scaling                  // of its nodes
	Barred
	Paused
	Support string // how the provider says that it is reached; may be empty
	store.References
}

// Barred says that the provider ended a cluster, and why: its organization may not start it until the provider allows
// it again. Without the first, the others are zero too.
type Barred struct {
	BarredAt   *time.Time
	BarredWhy  string     // as staff wrote it
	DisksUntil *time.Time // when it is deleted
}

// Paused says that the provider paused a cluster, and why: its organization can change nothing of it. Without the first,
// the others are zero too.
type Paused struct {
	PausedAt    *time.Time
	PausedWhy   string     // as staff wrote it
	PausedUntil *time.Time // when it is ended, unless staff let it go on or end it before
}

// NodeRow is a node as its organization sees it.
type NodeRow struct {
	ID           uuid.UUID
	Name         string
	Role         provisioner.Role
	Group        string // of its model; the head's is provisioner.HeadName
	State        provisioner.NodeState
	Reason       provisioner.Reason
	ReasonDetail string
	Moved        string // why it was placed elsewhere before it started; empty: it was not
	HostID       uuid.UUID
	HostName     string
	Acceleration provisioner.Acceleration
	Address      netip.Addr
	MAC          string
	ShapeName    string
	Shape        provisioner.Shape
	Rate         billing.Rate
	StateAt      time.Time
	StartedAt    *time.Time
	ReadyAt      *time.Time
	SeenAt       *time.Time
	GateMet      bool // in its present start
	Going        bool // it is to go, and its cluster runs on
}

// selectClusters joins what a list shows; the nodes are looked up cluster by cluster, by the index on them, for the
// rows of the page alone.
const selectClusters = `
	SELECT c.id, c.name, c.kind = 'test', c.desired, c.reason, c.reason_detail, c.organization_id, o.name, pr.name, p.name, m.name,
		v.version, n.wants, n.states, n.count, n.rate, r.used, c.created_at, c.ready_at, c.lease_seconds, c.lease_ends_at,
		c.until_stopped AND c.lease_stays = '' AND c.desired = 'running', c.ended_at
	FROM clusters c
	JOIN organizations o ON o.id = c.organization_id
	JOIN providers pr ON pr.id = c.provider_id
	JOIN pools p ON p.id = c.pool_id
	JOIN model_versions v ON v.id = c.version_id
	JOIN model_clusters m ON m.id = v.model_cluster_id
	CROSS JOIN LATERAL (SELECT array_agg(n.desired) AS wants, array_agg(n.state) AS states, count(*)::int AS count, coalesce(sum(n.rate), 0)::bigint AS rate
		FROM nodes n WHERE n.cluster_id = c.id AND (n.state <> 'gone' OR c.ended_at IS NOT NULL)) AS n
	CROSS JOIN LATERAL (SELECT coalesce(sum(extract(epoch FROM ended_at - started_at)::bigint * rate), 0)::bigint AS used
		FROM runs WHERE cluster_id = c.id) AS r`

func (c *ClusterRow) scan(row pgx.CollectableRow) error {
	var wants []provisioner.Desired
	var states []provisioner.NodeState
	var rate int64
	err := row.Scan(&c.ID, &c.Name, &c.Test, &c.Desired, &c.Reason, &c.ReasonDetail, &c.OrganizationID, &c.OrganizationName,
		&c.ProviderName, &c.PoolName, &c.ModelName, &c.Version, &wants, &states, &c.Nodes, &rate, &c.Used, &c.CreatedAt, &c.ReadyAt, &c.LeaseSeconds,
		&c.LeaseEndsAt, &c.Endless, &c.EndedAt)
	nodes := make([]provisioner.NodeStanding, len(states))
	for i, s := range states {
		nodes[i] = provisioner.NodeStanding{Desired: wants[i], State: s}
		if s == provisioner.NodeReady {
			c.ReadyNodes++
		}
	}
	c.State = provisioner.DeriveClusterState(c.Desired == provisioner.DesiredPaused, nodes)
	c.RatePerHour = billing.Hours(rate) * 3600
	return err
}

func rowToCluster(row pgx.CollectableRow) (c ClusterRow, err error) {
	err = c.scan(row)
	return c, err
}

// Clusters lists an organization's clusters in one query. Those of acceptance tests are left out. The lease of a stopped
// cluster is over, and one of a paused cluster stands.
func (db *DB) Clusters(ctx context.Context, orgID uuid.UUID, f ClusterFilter) ([]ClusterRow, error) {
	rows, _ := db.pool.Query(ctx, selectClusters+`
		WHERE c.organization_id = $1 AND c.kind = 'cluster' AND (c.ended_at IS NOT NULL) = $2
		ORDER BY CASE WHEN $5 AND c.desired = 'running' AND NOT (c.until_stopped AND c.lease_stays = '') THEN c.lease_ends_at END NULLS LAST, c.created_at DESC, c.id DESC
		LIMIT $3 OFFSET $4`, orgID, f.Gone, f.Most(), f.Skip(), f.Due)
	return store.All(rows, "clusters", rowToCluster)
}

// Cluster shows one cluster, also that of an acceptance test.
func (db *DB) Cluster(ctx context.Context, orgID, id uuid.UUID) (d ClusterDetail, err error) {
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, selectClusters+` WHERE c.organization_id = $1 AND c.id = $2`, orgID, id)
		if d.ClusterRow, err = store.One(rows, "cluster", rowToCluster); err != nil {
			return err
		}
		if err := d.readFacts(ctx, tx); err != nil {
			return err
		}
		if err := d.readAccess(ctx, tx); err != nil {
			return err
		}
		if d.Scaling, err = readClusterScaling(ctx, tx, d.ID); err != nil {
			return err
		}
		return d.readNodes(ctx, tx)
	})
	return d, err
}

// Node is one of the cluster's nodes, or NotFound("node").
func (d ClusterDetail) Node(id uuid.UUID) (NodeRow, error) {
	if i := slices.IndexFunc(d.NodeRows, func(n NodeRow) bool { return n.ID == id }); i >= 0 {
		return d.NodeRows[i], nil
	}
	return NodeRow{}, refusal.NotFound("node")
}

func (d *ClusterDetail) readFacts(ctx context.Context, tx pgx.Tx) error {
	var subnet *netip.Prefix
	var document []byte
	err := tx.QueryRow(ctx, `
		SELECT c.provider_id, c.pool_id, c.version_id, pe.name,
			(SELECT max(b.gate_deadline) FROM batches b WHERE b.cluster_id = c.id AND b.ready_at IS NULL AND b.ended_at IS NULL),
			v.document, c.document_digest, held.mcs, held.booked, held.cost, pr.currency, proven.at, c.subnet,
			c.purchase_order, c.cost_centre, c.grant_number, c.ssh_keys_left_out, c.barred_at, c.barred_why, c.disks_until,
			c.paused_at, c.paused_why, c.paused_until, pr.support_contact,
			c.lease_until, c.until_stopped, c.at_end, c.keep_days, c.lease_stays, c.kept_until, pr.accounting_zone, po.max_lease_hours, pr.kept_days_most
		FROM clusters c
		JOIN providers pr ON pr.id = c.provider_id
		JOIN pools po ON po.id = c.pool_id
		JOIN people pe ON pe.id = c.person_id
		JOIN model_versions v ON v.id = c.version_id
		CROSS JOIN LATERAL (SELECT coalesce(sum(set_aside - released), 0)::bigint AS mcs, coalesce(sum(used), 0)::bigint AS booked, sum(cost)::bigint AS cost
			FROM holds h WHERE h.cluster_id = c.id) AS held
		CROSS JOIN LATERAL (SELECT max(r.ended_at) AS at FROM runs r WHERE r.cluster_id = c.id) AS proven
		WHERE c.organization_id = $1 AND c.id = $2`, d.OrganizationID, d.ID).Scan(&d.ProviderID, &d.PoolID, &d.VersionID, &d.PersonName, &d.GateDeadline,
		&document, &d.DocumentDigest, &d.Held,
		&d.Booked, &d.Cost, &d.Currency, &d.ProvenAt, &subnet,
		&d.PurchaseOrder, &d.CostCentre, &d.GrantNumber, &d.KeysLeftOut, &d.BarredAt, &d.BarredWhy, &d.DisksUntil,
		&d.PausedAt, &d.PausedWhy, &d.PausedUntil, &d.Support,
		&d.Until, &d.UntilStopped, &d.AtEnd, &d.KeepDays, &d.LeaseStays, &d.KeptUntil, &d.Zone, &d.MaxLeaseHours, &d.KeptDaysMost)
	if err != nil {
		return store.Found(err, "cluster")
	}
	if subnet != nil {
		d.Subnet = *subnet
	}
	d.Held -= d.Used
	if d.Model, err = manifest.Read(document); err != nil {
		return fmt.Errorf("cluster %s: %w", d.ID, err)
	}
	return nil
}

// readNodes also finds where the head's SSH is published, which is open from READY on.
func (d *ClusterDetail) readNodes(ctx context.Context, tx pgx.Tx) (err error) {
	rows, _ := tx.Query(ctx, `
		SELECT n.id, n.name, n.role, n.group_name, n.state, n.reason, n.reason_detail, n.left_why, n.host_id, h.name, coalesce(h.acceleration, ''),
			n.address, n.mac::text, n.shape_name, n.vcpus, n.memory_mib, n.disk_gib, n.rate, n.state_at, n.started_at, n.ready_at, n.seen_at,
			h.underlay, coalesce(n.ssh_port, 0), n.sign_in,
			n.state = 'starting' AND EXISTS (SELECT FROM node_steps s WHERE s.node_id = n.id AND s.step = 'gate' AND s.at >= n.started_at),
			n.desired = 'gone' AND n.state <> 'gone' AND $3
		FROM nodes n JOIN hosts h ON h.id = n.host_id
		WHERE n.cluster_id = $1 AND (n.state <> 'gone' OR $2) ORDER BY n.role = 'head' DESC, n.name, n.id`, d.ID, d.EndedAt != nil, d.Desired != provisioner.DesiredGone)
	d.NodeRows, err = store.All(rows, "nodes", func(row pgx.CollectableRow) (n NodeRow, err error) {
		var underlay netip.Addr
		var port int
		var said provisioner.SignIn
		err = row.Scan(&n.ID, &n.Name, &n.Role, &n.Group, &n.State, &n.Reason, &n.ReasonDetail, &n.Moved, &n.HostID, &n.HostName, &n.Acceleration,
			&n.Address, &n.MAC, &n.ShapeName, &n.Shape.VCPUs, &n.Shape.MemoryMiB, &n.Shape.DiskGiB, &n.Rate, &n.StateAt,
			&n.StartedAt, &n.ReadyAt, &n.SeenAt, &underlay, &port, &said, &n.GateMet, &n.Going)
		if n.State == provisioner.NodeReady && port != 0 {
			d.SSHHost, d.SSHPort, d.SignIn = underlay, port, said
		}
		return n, err
	})
	return err
}
