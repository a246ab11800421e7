package machines

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/typed"
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
	MTU           int            // 1450, inside clusters: of the underlay less provisioner.VXLANOverhead
	NoMasquerade  bool           // guests may not go out
	WipeDisks     bool
	TestVCPUs     int               // set aside for acceptance tests; 0 takes 4
	NoTests       bool              // none are set aside
	MaxLeaseHours int               // 720
	Location      string            // "Hamburg, Germany"
	Policy        string            // what the fields do not say, in words
	Placement     Placement         // PlaceSpread
	Overcommit    int               // 100: hundredths of a vCPU on each processor of hosts of which staff offer no number of their own
	HostLabels    map[string]string // that a host needs to take new nodes; its check finds "acceleration"
}

// Placement is how a pool's hosts take the nodes of a cluster.
type Placement string

// The placements.
const (
	PlaceSpread Placement = "spread" // over as many hosts as there are
	PlacePack   Placement = "pack"   // onto hosts that carry nodes already, the fullest first
)

// What a pool may sell on a processor, in hundredths of a vCPU.
const (
	LeastOvercommit = 100
	MostOvercommit  = 1600
)

// WrittenLabels writes labels as a form takes them: "disk=ssd, rack=a1".
func WrittenLabels(labels map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, strings.TrimSuffix(name+"="+labels[name], "="))
	}
	return strings.Join(list, ", ")
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
	p.Placement = orDefault(p.Placement, PlaceSpread)
	p.Overcommit = orDefault(p.Overcommit, LeastOvercommit)
	if p.HostLabels == nil {
		p.HostLabels = map[string]string{}
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

// Check is what the command refuses of the fields themselves ("invalid"), for a form that tells all faults at once.
func (p NewPool) Check() error {
	p = p.withDefaults()
	return p.check()
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
	f.Between("mtu", int64(p.MTU), provisioner.LeastMTU, provisioner.MostMTU, "")
	f.Between("test_vcpus", int64(p.TestVCPUs), 0, 1<<20, " vCPUs")
	f.Between("max_lease", int64(p.MaxLeaseHours), 1, 8760, " hours")
	f.Length("location", p.Location, 0, 80)
	f.Check(p.Placement == PlaceSpread || p.Placement == PlacePack, "placement", "Choose spread or pack.")
	f.Check(p.Overcommit >= LeastOvercommit && p.Overcommit <= MostOvercommit, "overcommit", "Choose 1 to 16 vCPUs per processor; %s was given.", typed.Text(int64(p.Overcommit), 2))
	checkLabels(f, "host_labels", "A pool wants", p.HostLabels)
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

// PoolPlaces lists every pool, by provider and name, for filters.
func (db *DB) PoolPlaces(ctx context.Context) ([]PoolPlace, error) {
	rows, _ := db.pool.Query(ctx, selectPlaces)
	return store.All(rows, "places", pgx.RowToStructByName[PoolPlace])
}

// selectOpenPlaces are those that something may be started on: a suspended provider's pools take nothing.
const selectOpenPlaces = `
	SELECT p.id AS pool_id, p.name AS pool_name, pr.id AS provider_id, pr.name AS provider_name
	FROM pools p JOIN providers pr ON pr.id = p.provider_id AND pr.state = 'active' ORDER BY pr.name, p.name`

// OpenPlaces lists the pools that a launch or a test may choose from, by provider and name.
func (db *DB) OpenPlaces(ctx context.Context) ([]PoolPlace, error) {
	rows, _ := db.pool.Query(ctx, selectOpenPlaces)
	return store.All(rows, "places", pgx.RowToStructByName[PoolPlace])
}

// PoolByName finds a provider's pool for the operator's commands.
func (db *DB) PoolByName(ctx context.Context, providerID uuid.UUID, name string) (uuid.UUID, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id FROM pools WHERE provider_id = $1 AND name = $2`, providerID, name)
	return store.One(rows, "pool", pgx.RowTo[uuid.UUID])
}
