package machines

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/store"
)

// ClusterWork is all that reconciling one cluster needs.
type ClusterWork struct {
	ID                   uuid.UUID
	OrganizationID       uuid.UUID
	ProviderID           uuid.UUID
	Name                 string
	Test                 bool   // sealed: no way out
	TestNonce            string // of the acceptance test that it is; empty otherwise
	Desired              provisioner.Desired
	Reason               provisioner.Reason
	ReasonDetail         string
	Generation           int64
	ReconciledGeneration int64
	Attempts             int
	VNI                  uint32 // 0 once gone
	Subnet               netip.Prefix
	NetworkGeneration    int64 // give this to EnsureNetwork
	SeedSecret           string
	Model                provisioner.Model   // the document that it was launched from
	SSHKeys              []string            // of who had a right when the present start was asked for, and has it yet: a node may join later
	Logins               []provisioner.Login // of who has one now; nil where the model asks for none
	ReadyAt              *time.Time          // of the present start; published ports open from then on
	LeaseEndsAt          *time.Time
	StartCount           int
	Pool                 PoolWork
	Batches              []BatchWork // on their way up
	Nodes                []NodeWork  // that are not gone; head first, then by name
	Now                  time.Time   // database time of this reading
}

// PoolWork is what a pool says about its clusters' machines and networks.
type PoolWork struct {
	ID          uuid.UUID
	Forbidden   []netip.Prefix // clusters' prefixes, underlays and management networks of all the provider's pools
	Allowed     []netip.Prefix // private ranges that guests may reach
	MachineType string
	CPU         string
	MTU         int
	Masquerade  bool
	WipeDisks   bool
}

// NodeWork is one node of a ClusterWork.
type NodeWork struct {
	ID          uuid.UUID
	Batch       uuid.UUID             // of its present start
	Kind        provisioner.BatchKind // of that
	Desired     provisioner.Desired
	Name        string
	Role        provisioner.Role
	Group       provisioner.Group // of its cluster's model
	State       provisioner.NodeState
	Reason      provisioner.Reason
	MAC         net.HardwareAddr
	Address     netip.Addr
	SSHPort     uint16 // 0: none published
	Shape       provisioner.Shape
	ImageDigest string
	ImageSize   int64                // of the canonical file
	Firmware    provisioner.Firmware // what starts its image
	StartID     string
	StateAt     time.Time
	StartedAt   *time.Time
	ConsoleMark string // where its console log ended before the start MarkedStart; see MarkConsole
	MarkedStart int
	Moved       bool // placed elsewhere before it started, once
	Host        HostWork
}

// HostWork is the host of a NodeWork.
type HostWork struct {
	ID           uuid.UUID
	Name         string
	Address      provisioner.HostAddress
	Underlay     netip.Addr
	Seen         provisioner.HostSeen
	Fit          bool   // it may carry nodes: see Host.Fit
	Lacks        string // what a start needs and it does not have, or whose machine it is instead; empty where nothing, or it is unfit for another reason
	Acceleration provisioner.Acceleration
}

// Evidence is what a node's readiness was known by.
type Evidence struct {
	StartID string    `json:"start_id"` // the machine's start identity when the gate was met
	Kind    string    `json:"kind"`     // the gate's kind
	Detail  string    `json:"detail"`   // the address, or the line of the console
	At      time.Time `json:"at"`
}

// ClusterForReconcile reads one cluster for its reconciliation.
func (db *DB) ClusterForReconcile(ctx context.Context, id uuid.UUID) (w ClusterWork, err error) {
	// One snapshot: nodes that belong to another generation than the cluster would be acted upon.
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		if w, err = readWork(ctx, tx, id); err != nil {
			return err
		}
		if w.Model.Accounts && !w.Test {
			if w.Logins, err = readLogins(ctx, tx, w.OrganizationID); err != nil {
				return err
			}
		}
		if w.Batches, err = readBatches(ctx, tx, id); err != nil {
			return err
		}
		w.Nodes, err = readNodeWork(ctx, tx, id, w.Model)
		return err
	})
	return w, err
}

func readWork(ctx context.Context, tx pgx.Tx, id uuid.UUID) (ClusterWork, error) {
	rows, _ := tx.Query(ctx, `
		SELECT c.id, c.organization_id, c.provider_id, c.name, c.kind = 'test',
			coalesce((SELECT t.nonce FROM acceptance_tests t WHERE t.cluster_id = c.id), ''), c.desired, c.reason, c.reason_detail, c.generation,
			c.reconciled_generation, c.attempts, coalesce(c.vni, 0), c.subnet, c.network_generation, c.seed_secret, v.document,
			ARRAY(SELECT k.public_key FROM cluster_keys k WHERE k.cluster_id = c.id AND k.start = CASE c.kind WHEN 'test' THEN 1 ELSE c.start_count END
				AND EXISTS (SELECT FROM rightful_keys r WHERE r.organization_id = c.organization_id AND r.fingerprint = k.fingerprint) ORDER BY k.position),
			c.ready_at, c.lease_ends_at, c.start_count,
			p.id, ARRAY(
				SELECT DISTINCT unnest(array_prepend(q.prefix, array_prepend(q.underlay, q.management))) FROM pools q
				WHERE q.provider_id = p.provider_id ORDER BY 1), p.allowed, p.machine_type, p.cpu, p.mtu, p.masquerade, p.wipe_disks, now()
		FROM clusters c JOIN pools p ON p.id = c.pool_id JOIN model_versions v ON v.id = c.version_id
		WHERE c.id = $1`, id)
	return store.One(rows, "cluster", func(row pgx.CollectableRow) (w ClusterWork, err error) {
		var subnet *netip.Prefix
		var document []byte
		err = row.Scan(&w.ID, &w.OrganizationID, &w.ProviderID, &w.Name, &w.Test, &w.TestNonce, &w.Desired, &w.Reason, &w.ReasonDetail, &w.Generation,
			&w.ReconciledGeneration, &w.Attempts, &w.VNI, &subnet, &w.NetworkGeneration, &w.SeedSecret, &document, &w.SSHKeys,
			&w.ReadyAt, &w.LeaseEndsAt, &w.StartCount,
			&w.Pool.ID, &w.Pool.Forbidden, &w.Pool.Allowed, &w.Pool.MachineType, &w.Pool.CPU, &w.Pool.MTU,
			&w.Pool.Masquerade, &w.Pool.WipeDisks, &w.Now)
		if err != nil {
			return w, err
		}
		if subnet != nil {
			w.Subnet = *subnet
		}
		w.Model, err = manifest.Read(document)
		return w, err
	})
}

func readNodeWork(ctx context.Context, tx pgx.Tx, id uuid.UUID, m provisioner.Model) ([]NodeWork, error) {
	groups := map[string]provisioner.Group{}
	for _, g := range m.Groups() {
		groups[g.Name] = g
	}
	rows, _ := tx.Query(ctx, `
		SELECT n.id, n.batch_id, b.kind, n.desired, n.name, n.role, n.group_name, n.state, n.reason, n.mac, n.address, coalesce(n.ssh_port, 0), n.vcpus, n.memory_mib, n.disk_gib,
			n.image_digest, coalesce(i.canonical_size, 0), coalesce(i.firmware, ''), n.start_id, n.state_at, n.started_at,
			coalesce(n.evidence->>'console_mark', ''), coalesce((n.evidence->>'marked_start')::int, 0), n.left_at IS NOT NULL,
			h.id, h.name, `+hostAddress+`, h.underlay, h.seen, h.fit, coalesce(nullif(h.mistaken, ''), h.lacks), coalesce(h.acceleration, '')
		FROM nodes n
		JOIN batches b ON b.id = n.batch_id
		JOIN hosts h ON h.id = n.host_id
		LEFT JOIN images i ON i.id = n.image_id -- where its digest alone is known
		WHERE n.cluster_id = $1 AND n.state <> 'gone' ORDER BY n.role = 'head' DESC, n.name`, id)
	return store.All(rows, "nodes", func(row pgx.CollectableRow) (n NodeWork, err error) {
		var port int
		var group string
		err = row.Scan(slices.Concat([]any{
			&n.ID, &n.Batch, &n.Kind, &n.Desired, &n.Name, &n.Role, &group, &n.State, &n.Reason, &n.MAC, &n.Address, &port, &n.Shape.VCPUs, &n.Shape.MemoryMiB,
			&n.Shape.DiskGiB, &n.ImageDigest, &n.ImageSize, &n.Firmware, &n.StartID, &n.StateAt, &n.StartedAt, &n.ConsoleMark, &n.MarkedStart, &n.Moved,
			&n.Host.ID, &n.Host.Name,
		}, scanAddress(&n.Host.Address), []any{
			&n.Host.Underlay,
			&n.Host.Seen, &n.Host.Fit, &n.Host.Lacks, &n.Host.Acceleration,
		})...)
		n.SSHPort, n.Group = uint16(port), groups[group]
		return n, err
	})
}

// LiveNodes lists the ids of all nodes of a host that are not gone and the VNIs of their clusters, for a sweep of what
// nobody owns.
func (db *DB) LiveNodes(ctx context.Context, hostID uuid.UUID) (nodes []uuid.UUID, vnis []uint32, err error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT n.id, coalesce(c.vni, 0) FROM nodes n JOIN clusters c ON c.id = n.cluster_id
		WHERE n.host_id = $1 AND n.state <> 'gone' ORDER BY n.id`, hostID)
	var id uuid.UUID
	var vni uint32
	seen := map[uint32]bool{0: true}
	_, err = pgx.ForEachRow(rows, []any{&id, &vni}, func() error {
		nodes = append(nodes, id)
		if !seen[vni] {
			seen[vni] = true
			vnis = append(vnis, vni)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read live nodes of host %s: %w", hostID, err)
	}
	return nodes, vnis, nil
}
