package machines

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// PoolRow is a pool as its provider's staff see it: what it is, and what of its active hosts is given.
type PoolRow struct {
	ID            uuid.UUID
	Name          string
	Location      string
	Policy        string // what the fields do not say, in words
	Prefix        netip.Prefix
	SubnetBits    int
	Underlay      netip.Prefix
	Management    []netip.Prefix
	Allowed       []netip.Prefix // private ranges that guests may reach
	Storage       string
	MachineType   string
	CPU           string `db:"cpu"`
	MTU           int    `db:"mtu"`
	Masquerade    bool   // guests may go out
	WipeDisks     bool
	TestVCPUs     int `db:"test_vcpus"` // kept for acceptance tests
	MaxLeaseHours int
	Placement     Placement
	Overcommit    int               // hundredths of a vCPU on a processor
	HostLabels    map[string]string // that a host needs to take new nodes

	Hosts        int
	ActiveHosts  int
	WaitingHosts int   // for enrolment
	Unlabelled   int   // that would take nodes if they had the labels
	Clusters     int   // on it now, tests among them
	VCPUs        int   `db:"vcpus"` // of active hosts, as all below
	ClusterVCPUs int   `db:"cluster_vcpus"`
	TestsVCPUs   int   `db:"tests_vcpus"` // that acceptance tests take now
	MemoryMiB    int   `db:"memory_mib"`
	UsedMiB      int   `db:"used_mib"`
	DiskGiB      int   `db:"disk_gib"`
	UsedGiB      int   `db:"used_gib"`
	ImageBytes   int64 // of base images in use, which take of the disk, too
	SpareBytes   int64 // of those that nobody uses
}

const selectPoolRows = `
	SELECT p.id, p.name, p.location, p.policy, p.prefix, p.subnet_bits, p.underlay, p.management, p.allowed, p.storage, p.machine_type, p.cpu, p.mtu,
		p.masquerade, p.wipe_disks, p.test_vcpus, p.max_lease_hours, p.placement, p.overcommit, p.host_labels,
		h.hosts, h.active AS active_hosts, h.waiting AS waiting_hosts, h.unlabelled, h.vcpus, h.memory_mib, h.disk_gib,
		(SELECT count(*) FROM clusters c WHERE c.pool_id = p.id AND c.ended_at IS NULL)::int AS clusters,
		n.cluster_vcpus, n.tests_vcpus, n.used_mib, n.used_gib, i.image_bytes, i.spare_bytes
	FROM pools p
	CROSS JOIN LATERAL (
		SELECT count(*)::int AS hosts, count(*) FILTER (WHERE ` + TakesNodes + `)::int AS active, count(*) FILTER (WHERE h.enrolled_at IS NULL)::int AS waiting,
			count(*) FILTER (WHERE h.fit AND h.state = 'active' AND NOT (` + TakesNodes + `))::int AS unlabelled,
			coalesce(sum(` + HostVCPUs + `) FILTER (WHERE ` + TakesNodes + `), 0)::bigint AS vcpus,
			coalesce(sum(h.memory_mib) FILTER (WHERE ` + TakesNodes + `), 0)::bigint AS memory_mib,
			coalesce(sum(h.disk_gib) FILTER (WHERE ` + TakesNodes + `), 0)::bigint AS disk_gib
		FROM hosts h WHERE h.pool_id = p.id AND h.removed_at IS NULL) AS h
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(n.vcpus) FILTER (WHERE c.kind = 'cluster' AND n.state <> 'stopped'), 0)::bigint AS cluster_vcpus,
			coalesce(sum(n.vcpus) FILTER (WHERE c.kind = 'test' AND n.state <> 'stopped'), 0)::bigint AS tests_vcpus,
			coalesce(sum(n.memory_mib) FILTER (WHERE n.state <> 'stopped'), 0)::bigint AS used_mib,
			coalesce(sum(n.disk_gib), 0)::bigint AS used_gib
		FROM nodes n JOIN hosts h ON h.id = n.host_id JOIN clusters c ON c.id = n.cluster_id
		WHERE h.pool_id = p.id AND ` + TakesNodes + ` AND n.state <> 'gone') AS n
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(d.image_bytes), 0)::bigint AS image_bytes, coalesce(sum(d.spare_bytes), 0)::bigint AS spare_bytes
		FROM hosts h CROSS JOIN LATERAL (` + diskOfImages + `) AS d WHERE h.pool_id = p.id AND ` + TakesNodes + `) AS i`

// DiskTaken is what nodes and the base images that they stand on take of the disk of hosts that take nodes, in GiB, rounded up.
func (p PoolRow) DiskTaken() int { return p.UsedGiB + int((p.ImageBytes+1<<30-1)>>30) }

// PoolFilter narrows and orders a list of pools. Sorting keys: name, location, hosts, vcpus, clusters.
type PoolFilter struct {
	Search string // part of the name or the location
	store.Sorting
	store.Page
}

var poolColumns = store.Sortable{
	"name": "p.name", "location": "p.location", "hosts": "h.hosts", "vcpus": "h.vcpus", "clusters": "clusters",
}

// ProviderPools lists a provider's pools, by name unless asked otherwise, and how many the filter leaves.
func (db *DB) ProviderPools(ctx context.Context, providerID uuid.UUID, f PoolFilter) (list []PoolRow, total int, err error) {
	const where = ` WHERE p.provider_id = $1 AND ($2 = '' OR p.name ILIKE $3 OR p.location ILIKE $3)`
	args := []any{providerID, f.Search, store.Like(f.Search)}
	if err := db.pool.QueryRow(ctx, `SELECT count(*) FROM pools p`+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count pools: %w", err)
	}
	rows, _ := db.pool.Query(ctx, selectPoolRows+where+poolColumns.OrderBy(f.Sorting, "p.name, p.id")+` LIMIT $4 OFFSET $5`, append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "pools", pgx.RowToStructByName[PoolRow])
	return list, total, err
}

// ProviderPool shows one pool of a provider.
func (db *DB) ProviderPool(ctx context.Context, providerID, id uuid.UUID) (PoolRow, error) {
	rows, _ := db.pool.Query(ctx, selectPoolRows+` WHERE p.provider_id = $1 AND p.id = $2`, providerID, id)
	return store.One(rows, "pool", pgx.RowToStructByName[PoolRow])
}
