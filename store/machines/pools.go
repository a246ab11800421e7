package machines

import (
	"context"
	"net/netip"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// NewPool is what CreatePool needs. Zero fields take the default named beside them.
type NewPool struct {
	Name          string
	Prefix        netip.Prefix   // clusters take their subnets out of it
	SubnetBits    int            // 24
	Underlay      netip.Prefix   // the network between the pool's hosts
	Management    []netip.Prefix // guests may not reach these
	Allowed       []netip.Prefix // private ranges that guests may reach, at most MaxAllowed
	Storage       string         // "local"
	MachineType   string         // "q35"
	CPU           string         // empty: the driver's default
	MTU           int            // 1450, inside clusters
	NoMasquerade  bool           // guests may not go out
	WipeDisks     bool
	TestVCPUs     int    // set aside for acceptance tests; 0 takes 4
	NoTests       bool   // none are set aside
	MaxLeaseHours int    // 720
	Location      string // "Hamburg, Germany"
	Policy        string // what the fields do not say, in words
}

// Pool is a group of hosts of one provider, with what is free in it now.
type Pool struct {
	ID            uuid.UUID
	ProviderID    uuid.UUID
	ProviderName  string
	Name          string
	Prefix        netip.Prefix
	Underlay      netip.Prefix
	Storage       string
	MachineType   string
	CPU           string
	TestVCPUs     int `db:"test_vcpus"`
	MaxLeaseHours int

	Hosts         int          // all of them
	ActiveHosts   int          // those that take nodes now
	VCPUs         int          `db:"vcpus"` // of active hosts, as the two below; the test share is part of them
	FreeVCPUs     int          `db:"free_vcpus"`
	MemoryMiB     int          `db:"memory_mib"`
	FreeMemoryMiB int          `db:"free_memory_mib"`
	CheapestRate  billing.Rate // of the provider's shapes; 0 where it has none
}

// MaxAllowed is how many private ranges a pool can open to its guests: each host carries them for each cluster.
const MaxAllowed = 16

func (p NewPool) withDefaults() NewPool {
	p.SubnetBits = orDefault(p.SubnetBits, 24)
	p.Storage = orDefault(p.Storage, "local")
	p.MachineType = orDefault(p.MachineType, "q35")
	p.MTU = orDefault(p.MTU, 1450)
	if p.TestVCPUs = orDefault(p.TestVCPUs, 4); p.NoTests {
		p.TestVCPUs = 0
	}
	p.MaxLeaseHours = orDefault(p.MaxLeaseHours, 720)
	if p.Management == nil {
		p.Management = []netip.Prefix{}
	}
	if p.Allowed == nil {
		p.Allowed = []netip.Prefix{}
	}
	return p
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// check also writes the name as it is kept.
func (p *NewPool) check() error {
	f := store.Fields{}
	f.Name("name", &p.Name, 1, 80)
	f.Between("subnet_bits", int64(p.SubnetBits), 16, 28, "")
	f.Check(p.Prefix.IsValid() && p.Prefix.Addr().Is4() && p.Prefix.Bits() <= p.SubnetBits, "prefix",
		"Give an IPv4 prefix that holds at least one /%d, such as 10.128.0.0/12.", p.SubnetBits)
	f.Check(p.Underlay.IsValid(), "underlay", "Give the network between the hosts, such as 192.0.2.0/24.")
	f.Check(!p.Prefix.Overlaps(p.Underlay), "prefix", "%s overlaps the underlay %s: clusters need addresses of their own.", p.Prefix, p.Underlay)
	for _, m := range p.Management {
		f.Check(m.IsValid(), "management", "Give prefixes such as 198.51.100.0/24.")
		f.Check(!p.Prefix.Overlaps(m), "prefix", "%s overlaps the management network %s.", p.Prefix, m)
	}
	p.checkAllowed(f)
	f.Check(p.Storage != "shared", "storage", "Storage that hosts share does not work yet: disks lie on each host. Choose local.")
	f.Check(p.Storage == "local" || p.Storage == "shared", "storage", "Choose local.")
	f.Check(validMachine(p.MachineType) && (p.CPU == "" || validMachine(p.CPU)), "machine_type",
		"Write a machine type such as q35 and a CPU model such as Skylake-Server, or leave the CPU empty.")
	f.Between("mtu", int64(p.MTU), 576, 9166, "")
	f.Between("test_vcpus", int64(p.TestVCPUs), 0, 1<<20, " vCPUs")
	f.Between("max_lease", int64(p.MaxLeaseHours), 1, 8760, " hours")
	f.Length("location", p.Location, 0, 80)
	f.Check(len([]rune(p.Policy)) <= 2000, "policy", "Write at most 2000 characters; these are %d.", len([]rune(p.Policy)))
	return f.Refusal()
}

// validMachine keeps what goes into a domain's definition to the letters that QEMU's names have.
func validMachine(s string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
		default:
			return false
		}
	}
	return len(s) > 0 && len(s) <= 64
}

// Pools lists the pools of every provider, by provider and name.
func (db *DB) Pools(ctx context.Context) ([]Pool, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT p.id, p.provider_id, pr.name AS provider_name, p.name, p.prefix, p.underlay, p.storage, p.machine_type, p.cpu,
			p.test_vcpus, p.max_lease_hours, h.hosts, h.active_hosts, h.vcpus, h.free_vcpus, h.memory_mib, h.free_memory_mib,
			coalesce((SELECT min(rate) FROM shapes s WHERE s.provider_id = p.provider_id AND s.retired_at IS NULL), 0) AS cheapest_rate
		FROM pools p
		JOIN providers pr ON pr.id = p.provider_id
		CROSS JOIN LATERAL (
			SELECT count(*) AS hosts, count(*) FILTER (WHERE `+TakesNodes+`) AS active_hosts,
				coalesce(sum(h.vcpus) FILTER (WHERE `+TakesNodes+`), 0) AS vcpus,
				coalesce(sum(h.vcpus - u.vcpus) FILTER (WHERE `+TakesNodes+`), 0) AS free_vcpus,
				coalesce(sum(h.memory_mib) FILTER (WHERE `+TakesNodes+`), 0) AS memory_mib,
				coalesce(sum(h.memory_mib - u.memory_mib) FILTER (WHERE `+TakesNodes+`), 0) AS free_memory_mib
			FROM hosts h CROSS JOIN LATERAL (`+usedOfHost+`) AS u
			WHERE h.pool_id = p.id AND h.removed_at IS NULL
		) AS h
		ORDER BY pr.name, p.name`)
	return store.All(rows, "pools", pgx.RowToStructByName[Pool])
}

// PoolPlace is a pool and whose it is, by name.
type PoolPlace struct {
	PoolID       uuid.UUID
	PoolName     string
	ProviderID   uuid.UUID
	ProviderName string
}

const selectPlaces = `
	SELECT p.id AS pool_id, p.name AS pool_name, pr.id AS provider_id, pr.name AS provider_name
	FROM pools p JOIN providers pr ON pr.id = p.provider_id ORDER BY pr.name, p.name`

// PoolPlaces lists every pool by name, for filters; Pools tells more of each.
func (db *DB) PoolPlaces(ctx context.Context) ([]PoolPlace, error) {
	rows, _ := db.pool.Query(ctx, selectPlaces)
	return store.All(rows, "places", pgx.RowToStructByName[PoolPlace])
}

// PoolByName finds a provider's pool for the operator's commands.
func (db *DB) PoolByName(ctx context.Context, providerID uuid.UUID, name string) (uuid.UUID, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id FROM pools WHERE provider_id = $1 AND name = $2`, providerID, name)
	return store.One(rows, "pool", pgx.RowTo[uuid.UUID])
}
