package machines

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
	"volary.dev/provisioner/plan"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/models"
)

// poolCapacity is what a launch needs to know of a pool.
type poolCapacity struct {
	ID            uuid.UUID
	ProviderID    uuid.UUID
	ProviderName  string
	Certificates  models.TakesCertificates // that its provider wants to see
	Name          string
	Prefix        netip.Prefix
	SubnetBits    int
	TestVCPUs     int `db:"test_vcpus"`
	Ports         portRange
	MaxLeaseHours int
	Zone          string // of its provider's accounting, in which dates are meant
	KeptDaysMost  int
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
	Faults  store.Fields // of the launch's own fields, which are said together with those of the case
	Taken   bool         // the name is
	// FreeName is one that would do in its place, where it is refused.
	FreeName string
	Counts   Counts
	Lease    int64 // seconds
	Terms    LeaseTerms
	Kept     KeptDisks // of the organization, at the pool's provider
	Test     bool
	// Certified: the version has a certificate that the provider takes, or it wants to see none.
	Certified bool
	Now       time.Time
}

// launchPlan is what is to be reserved, or as much of it as could be found out before a refusal.
type launchPlan struct {
	Shapes      []QuoteShape
	Need        billing.Hours
	RatePerHour billing.Hours
	Place       placement.Plan
	Fits        []placement.HostFit
}

// counted are the groups whose nodes are counted. A version without any takes no compute nodes, and is told so as one that may
// have none of a group.
func counted(m provisioner.Model) []provisioner.Group {
	if len(m.Compute) == 0 {
		return []provisioner.Group{{Name: string(provisioner.RoleCompute)}}
	}
	return m.Compute
}

// CountField is the field of a launch in which the nodes of a group are counted: of the only group "compute", else "count.GROUP".
func CountField(m provisioner.Model, group string) string {
	if groups := counted(m); len(groups) == 1 && groups[0].Name == group {
		return "compute"
	}
	return "count." + group
}

// readLaunch reads a launch's case in the transaction that decides about it. Quote reads the same without locks.
func readLaunch(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, r LaunchRequest) (c launchCase, err error) {
	if c.Version, err = models.ReadVersion(ctx, tx, orgID, r.VersionID); err != nil {
		return c, err
	}
	c.Counts = r.Counts.Of(c.Version.Model)
	if err := c.readPool(ctx, tx, r.PoolID); err != nil {
		return c, err
	}
	c.Terms = r.Terms.or(LeaseTerms{})
	c.Lease = c.Terms.seconds(r.LeaseSeconds, c.Now, c.Pool.MaxLeaseHours)
	if c.Kept, err = readKept(ctx, tx, c.Pool.ProviderID, orgID, uuid.Nil); err != nil {
		return c, err
	}
	if c.Certified, err = models.CertifiedFor(ctx, tx, orgID, c.Pool.ProviderID, c.Version.DocumentDigest, c.Pool.Certificates); err != nil {
		return c, err
	}
	c.Shapes, err = ReadShapes(ctx, tx, c.Pool.ProviderID)
	return c, err
}

func (c *launchCase) readPool(ctx context.Context, tx pgx.Tx, poolID uuid.UUID) (err error) {
	if c.Now, err = store.ReadNow(ctx, tx); err != nil {
		return err
	}
	rows, _ := tx.Query(ctx, `
		SELECT p.id, p.provider_id, pr.name AS provider_name, pr.certificates_taken AS certificates, p.name, p.prefix, p.subnet_bits, p.test_vcpus, p.ports, p.max_lease_hours,
			pr.accounting_zone AS zone, pr.kept_days_most
		FROM pools p JOIN providers pr ON pr.id = p.provider_id WHERE p.id = $1 AND pr.state = 'active'`, poolID)
	if c.Pool, err = store.One(rows, "pool", pgx.RowToStructByName[poolCapacity]); err != nil {
		return err
	}
	return c.readHosts(ctx, tx)
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
	if refusal = c.price(&p); refusal != nil {
		return p, refusal
	}
	return p, c.keeps(p)
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
	if refused := c.Version.Launchable(); refused != nil {
		return refused
	}
	for _, wrong := range []error{c.Version.ImagesFit(), c.Version.ImagesThere()} {
		if r, ok := refusal.As(wrong); ok {
			return r
		}
	}
	if !c.Test && !c.Certified {
		return c.uncertified()
	}
	f := store.Fields{}
	maps.Copy(f, c.Faults)
	c.checkCounts(f)
	if !c.Test {
		c.Terms.check(f, c.Lease, c.Pool, c.Now)
	}
	if len(f) > 0 {
		if c.Taken { // alone it is refused where the name is written
			f.Add("name", "%s", c.nameTaken().Fields["name"])
		}
		return refusal.Invalid(f)
	}
	return nil
}

// checkCounts refuses counts outside their groups' ranges, and together more than a network of the pool has addresses for.
func (c launchCase) checkCounts(f store.Fields) {
	m, room := c.Version.Model, plan.MostNodes(c.Pool.SubnetBits)-1
	sum, last := 0, ""
	for _, g := range counted(m) {
		field := CountField(m, g.Name)
		n, said := c.Counts[g.Name]
		most := min(g.Count.Most, room)
		if len(m.Compute) > 0 && !said {
			f.Add(field, "Say how many %s nodes: %d to %d.", g.Name, g.Count.Least, most)
			continue
		}
		f.Between(field, int64(n), int64(g.Count.Least), int64(most), " "+g.Name+" nodes")
		if n > 0 && n <= most {
			sum, last = sum+n, field
		}
	}
	if sum > room {
		f.Add(last, "A network of this pool has addresses for %s; %d are asked for in all groups together.",
			refusal.Plural(room, "compute node", "compute nodes"), sum)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Counts)) {
		if !slices.ContainsFunc(counted(m), func(g provisioner.Group) bool { return g.Name == name }) {
			f.Add("count."+name, "This version has no group %s.", typed.Isolate(name))
		}
	}
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

// chooseShapes takes for each group the provider's cheapest shape that covers it; shapes are in this order.
func (c launchCase) chooseShapes() ([]QuoteShape, *refusal.Error) {
	var chosen []QuoteShape
	for _, g := range c.Version.Groups {
		count := 1
		if g.Role() == provisioner.RoleCompute {
			count = c.Counts[g.Name]
		}
		s, refused := c.shapeOf(g)
		if refused != nil {
			return nil, refused
		}
		chosen = append(chosen, QuoteShape{Group: g.Name, Count: count, Need: g.Shape, Shape: s})
	}
	return chosen, nil
}

// shapeOf is the cheapest shape that covers a group's nodes.
func (c launchCase) shapeOf(g models.VersionGroup) (Shape, *refusal.Error) {
	s, ok := Cheapest(c.Shapes, g.Shape)
	if !ok {
		return Shape{}, &refusal.Error{
			Code: "shape",
			Title: fmt.Sprintf("The provider of pool %s has no node shape with %s, %s of memory and %d GiB of disk for %s.",
				typed.Isolate(c.Pool.Name), refusal.Plural(g.Shape.VCPUs, "vCPU", "vCPUs"), refusal.MiB(g.Shape.MemoryMiB), g.Shape.DiskGiB, calledGroup(g.Role(), g.Name)),
			Next: "Choose another pool, or make a version with smaller nodes.",
		}
	}
	return s, nil
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

// calledGroup names a group in a sentence: the two that every launch form knows by their roles, others as groups.
func calledGroup(r provisioner.Role, name string) string {
	if name == string(r) {
		return "role " + name
	}
	return "group " + name
}

// request is what the plan's nodes take; its groups are the version's, the head's left out.
func (c launchCase) request(p launchPlan) (r placement.Request) {
	for i, s := range p.Shapes {
		group := c.Version.Groups[i]
		node := placement.Node{Size: s.Shape.Size(), Image: ImageOf(group)}
		if i == 0 {
			r.Head = node
			continue
		}
		if group.Apart {
			node.Apart = s.Group
		}
		r.Groups = append(r.Groups, placement.Group{Name: s.Group, Node: node, Count: s.Count, Least: group.Count.Least})
	}
	return r
}

// ImageOf is what a host has to have for the nodes of a group.
func ImageOf(g models.VersionGroup) placement.Image {
	return placement.Image{Digest: g.Digest, Bytes: g.ImageSize, UEFI: g.Starts.NeedsUEFI()}
}

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

// noRoom says which resource is short, with its numbers, the largest cluster that would fit, and of every host why it takes no more.
func (c launchCase) noRoom(p launchPlan, reason string) *refusal.Error {
	asked, share := c.request(p), c.share()
	r := &refusal.Error{
		Code:  "capacity",
		Title: fmt.Sprintf("The pool %s has no room for %s: %s.", typed.Isolate(c.Pool.Name), refusal.Plural(1+c.Counts.Sum(), "node", "nodes"), reason),
	}
	switch {
	case placement.LacksUEFI(c.Hosts, asked):
		r.Next = "Choose a pool whose hosts have it, take an image that BIOS starts, too (the image's page says how it is made one), or ask the provider for it."
	case c.Test:
		r.Next = "Try again when other tests have ended, or choose another pool."
	default:
		r.Next = "Choose another pool, or try again when others have ended: no cluster of this version fits now, however small."
		if counts, some := placement.Largest(c.Hosts, asked, share); some {
			r.Next = fmt.Sprintf("Take fewer compute nodes: the largest cluster that fits now is %s. Or choose another pool, or try again when others have ended.", asked.Words(counts))
		}
	}
	for _, s := range placement.Shortage(c.Hosts, asked, share) {
		r.Detail = append(r.Detail, "Short of "+s.String())
	}
	for _, f := range p.Fits {
		if f.Reason != "" {
			r.Detail = append(r.Detail, f.Name+": "+f.Reason)
		}
	}
	return r
}
