package machines

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/models"
)

// poolCapacity is what a launch needs to know of a pool.
type poolCapacity struct {
	ID            uuid.UUID
	ProviderID    uuid.UUID
	Name          string
	Prefix        netip.Prefix
	SubnetBits    int
	TestVCPUs     int `db:"test_vcpus"`
	Ports         portRange
	MaxLeaseHours int
}

// launchCase is all that decides about a launch, read at one moment.
type launchCase struct {
	Pool    poolCapacity
	Name    string
	Hosts   []placement.Host
	Used    int // vCPUs that clusters take of hosts that take nodes
	Tests   int // vCPUs that acceptance tests take of those
	Shapes  []Shape
	Version models.Version
	Images  map[uuid.UUID]placement.Image // base images of the version's roles
	Faults  store.Fields                  // of the launch's own fields, which are said together with those of the case
	Taken   bool                          // the name is
	// FreeName is one that would do in its place, where it is refused.
	FreeName string
	Compute  int
	Lease    int64 // seconds
	Test     bool
	Now      time.Time
}

// launchPlan is what is to be reserved, or as much of it as could be found out before a refusal.
type launchPlan struct {
	Shapes      []QuoteShape
	Need        billing.Hours
	RatePerHour billing.Hours
	Place       placement.Plan
	Fits        []placement.HostFit
}

func (p launchPlan) shape(r provisioner.Role) Shape {
	for _, s := range p.Shapes {
		if s.Role == r {
			return s.Shape
		}
	}
	return Shape{}
}

// role finds a role's description. It is there: SaveVersion wants a head, and compute nodes where there may be any.
func (c launchCase) role(r provisioner.Role) models.VersionRole {
	role, _ := c.Version.Role(r)
	return role
}

// readLaunch reads a launch's case in the transaction that decides about it. Quote reads the same without locks.
func readLaunch(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, r LaunchRequest) (c launchCase, err error) {
	c.Compute, c.Lease = r.ComputeCount, r.LeaseSeconds
	if c.Version, err = models.ReadVersion(ctx, tx, orgID, r.VersionID); err != nil {
		return c, err
	}
	if err := c.readPool(ctx, tx, r.PoolID); err != nil {
		return c, err
	}
	if c.Shapes, err = ReadShapes(ctx, tx, c.Pool.ProviderID); err != nil {
		return c, err
	}
	return c, c.readImages(ctx, tx)
}

func (c *launchCase) readImages(ctx context.Context, tx pgx.Tx) error {
	c.Images = map[uuid.UUID]placement.Image{}
	var ids []uuid.UUID
	for _, r := range c.Version.Roles {
		ids = append(ids, r.ImageID)
	}
	var id uuid.UUID
	var i placement.Image
	var firmware provisioner.Firmware
	rows, _ := tx.Query(ctx, `SELECT id, canonical_digest, canonical_size, firmware FROM images WHERE id = ANY ($1)`, ids)
	_, err := pgx.ForEachRow(rows, []any{&id, &i.Digest, &i.Bytes, &firmware}, func() error {
		i.UEFI = firmware.NeedsUEFI()
		c.Images[id] = i
		return nil
	})
	if err != nil {
		return fmt.Errorf("read images: %w", err)
	}
	return nil
}

func (c *launchCase) readPool(ctx context.Context, tx pgx.Tx, poolID uuid.UUID) (err error) {
	if c.Now, err = store.ReadNow(ctx, tx); err != nil {
		return err
	}
	rows, _ := tx.Query(ctx, `
		SELECT p.id, p.provider_id, p.name, p.prefix, p.subnet_bits, p.test_vcpus, p.ports, p.max_lease_hours
		FROM pools p JOIN providers pr ON pr.id = p.provider_id WHERE p.id = $1 AND pr.state = 'active'`, poolID)
	if c.Pool, err = store.One(rows, "pool", pgx.RowToStructByName[poolCapacity]); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, selectHosts+` WHERE h.pool_id = $1 AND h.removed_at IS NULL ORDER BY h.name`, poolID)
	hosts, err := store.All(rows, "hosts", rowToHost)
	if err != nil {
		return err
	}
	for _, h := range hosts {
		c.Hosts = append(c.Hosts, h.place())
	}
	err = tx.QueryRow(ctx, `
		SELECT coalesce(sum(n.vcpus) FILTER (WHERE c.kind = 'cluster'), 0), coalesce(sum(n.vcpus) FILTER (WHERE c.kind = 'test'), 0)
		FROM nodes n JOIN hosts h ON h.id = n.host_id JOIN clusters c ON c.id = n.cluster_id
		WHERE h.pool_id = $1 AND `+TakesNodes+` AND n.state NOT IN ('stopped', 'gone')`, poolID).Scan(&c.Used, &c.Tests)
	if err != nil {
		return fmt.Errorf("read use of pool: %w", err)
	}
	return nil
}

// judge decides: what is wrong with the request comes first, then shapes, then room. Hours are judged by
// billing.Authorise under the wallet's lock, and between size and place a launch asks the member's cap.
func (c launchCase) judge() (p launchPlan, refusal *refusal.Error) {
	if p, refusal = c.size(); refusal != nil {
		return p, refusal
	}
	return p, c.place(&p)
}

// size finds out what is needed: shapes and hours.
func (c launchCase) size() (p launchPlan, refusal *refusal.Error) {
	if refusal := c.check(); refusal != nil {
		return p, refusal
	}
	if p.Shapes, refusal = c.chooseShapes(); refusal != nil {
		return p, refusal
	}
	return p, c.price(&p)
}

// place finds a host for every node of a sized plan, or says why there is none.
func (c launchCase) place(p *launchPlan) *refusal.Error {
	place, fits, reason, ok := placement.Place(c.Hosts, c.request(*p), c.share())
	p.Place, p.Fits = place, fits
	if !ok {
		return c.noRoom(*p, reason)
	}
	return nil
}

func (c launchCase) check() *refusal.Error {
	if c.Version.State != models.VersionStatePublished {
		return &refusal.Error{
			Code: "draft", Title: "This version is a draft, which may still change.", Next: "Publish it, then launch it.",
		}
	}
	for _, wrong := range []error{c.Version.ImagesFit(), c.Version.ImagesThere()} {
		if r, ok := refusal.As(wrong); ok {
			return r
		}
	}
	f := store.Fields{}
	maps.Copy(f, c.Faults)
	least, most := c.Version.ComputeMin, min(c.Version.ComputeMax, mostCompute(c.Pool.SubnetBits))
	f.Between("compute", int64(c.Compute), int64(least), int64(most), " compute nodes")
	if !c.Test {
		checkLease(f, c.Lease, c.Pool.MaxLeaseHours)
	}
	if len(f) > 0 {
		if c.Taken { // alone it is refused where the name is written
			f.Add("name", "%s", c.nameTaken().Fields["name"])
		}
		return refusal.Invalid(f)
	}
	return nil
}

// leastLease is one minute, in seconds.
const leastLease = 60

func checkLease(f store.Fields, seconds int64, mostHours int) {
	most := int64(mostHours) * 3600
	f.Check(seconds >= leastLease && seconds <= most, "lease", "Choose a lease of %s.", leaseRange(most, seconds))
}

// leaseRange says how long a lease, or what is added to one, may be: the one sentence of all that bound it.
func leaseRange(most, given int64) string {
	return fmt.Sprintf("%s to %s; %s was given", leaseWords(leastLease), leaseWords(max(most, 0)), leaseWords(given))
}

// leaseWords writes a lease in hours or minutes where it is whole ones, else in seconds.
func leaseWords(seconds int64) string {
	switch {
	case seconds%3600 == 0:
		return fmt.Sprintf("%d h", seconds/3600)
	case seconds%60 == 0:
		return fmt.Sprintf("%d min", seconds/60)
	default:
		return fmt.Sprintf("%d s", seconds)
	}
}

// chooseShapes takes for each role the provider's cheapest shape that covers it; shapes are in this order.
func (c launchCase) chooseShapes() ([]QuoteShape, *refusal.Error) {
	var chosen []QuoteShape
	for _, r := range c.Version.Roles {
		count := 1
		if r.Role == provisioner.RoleCompute {
			count = c.Compute
		}
		s, ok := Cheapest(c.Shapes, r.Shape)
		if !ok {
			return nil, &refusal.Error{
				Code: "shape",
				Title: fmt.Sprintf("The provider of pool %s has no node shape with %s, %s of memory and %d GiB of disk for role %s.",
					typed.Isolate(c.Pool.Name), refusal.Plural(r.Shape.VCPUs, "vCPU", "vCPUs"), refusal.MiB(r.Shape.MemoryMiB), r.Shape.DiskGiB, r.Role),
				Next: "Choose another pool, or make a version with smaller nodes.",
			}
		}
		chosen = append(chosen, QuoteShape{Role: r.Role, Count: count, Need: r.Shape, Shape: s})
	}
	return chosen, nil
}

// Cheapest is the first of shapes that covers a need; shapes come in the order of their rates.
func Cheapest(shapes []Shape, need provisioner.Shape) (Shape, bool) {
	for _, s := range shapes {
		if s.VCPUs >= need.VCPUs && s.MemoryMiB >= need.MemoryMiB && s.DiskGiB >= need.DiskGiB {
			return s, true
		}
	}
	return Shape{}, false
}

// price computes what is to be held: the lease times the sum of all rates. A test costs nothing.
func (c launchCase) price(p *launchPlan) *refusal.Error {
	if c.Test {
		return nil
	}
	var rates []billing.Rate
	for _, s := range p.Shapes {
		for range s.Count {
			rates = append(rates, s.Shape.Rate)
		}
	}
	var err error
	if p.RatePerHour, err = billing.Need(rates, 3600); err == nil {
		p.Need, err = billing.Need(rates, c.Lease)
	}
	if err != nil {
		r, _ := refusal.As(billing.Refuse(err))
		return r
	}
	return nil
}

func (c launchCase) request(p launchPlan) placement.Request {
	return placement.Request{
		Head: p.shape(provisioner.RoleHead).Size(), Compute: p.shape(provisioner.RoleCompute).Size(), ComputeSize: c.Compute,
		HeadImage: c.image(provisioner.RoleHead), ComputeImage: c.image(provisioner.RoleCompute),
	}
}

// image is the base image of a role's nodes.
func (c launchCase) image(r provisioner.Role) placement.Image { return c.Images[c.role(r).ImageID] }

// share keeps clusters and acceptance tests out of one another's part of the pool.
func (c launchCase) share() placement.Share {
	if c.Test {
		return placement.Share{VCPUs: c.Pool.TestVCPUs, Used: c.Tests, Test: true}
	}
	return ShareOfClusters(c.Hosts, c.Pool.TestVCPUs, c.Used)
}

// ShareOfClusters is what clusters may take of a pool's hosts: all but what is set aside for acceptance tests.
func ShareOfClusters(hosts []placement.Host, testVCPUs, used int) placement.Share {
	sum := 0
	for _, h := range hosts {
		if h.Takes() {
			sum += h.Capacity.VCPUs
		}
	}
	return placement.Share{VCPUs: max(sum-testVCPUs, 0), Used: used}
}

func (c launchCase) noRoom(p launchPlan, reason string) *refusal.Error {
	r := &refusal.Error{
		Code:  "capacity",
		Title: fmt.Sprintf("The pool %s has no room for %s: %s.", typed.Isolate(c.Pool.Name), refusal.Plural(1+c.Compute, "node", "nodes"), reason),
		Next:  "Take fewer compute nodes, choose another pool, or try again when others have ended.",
	}
	if placement.LacksUEFI(c.Hosts, c.request(p)) {
		r.Next = "Choose a pool whose hosts have it, take an image that BIOS starts, too (the image's page says how it is made one), or ask the provider for it."
	} else if c.Test {
		r.Next = "Try again when other tests have ended, or choose another pool."
	}
	for _, f := range p.Fits {
		if f.Reason != "" {
			r.Detail = append(r.Detail, f.Name+": "+f.Reason)
		}
	}
	return r
}
