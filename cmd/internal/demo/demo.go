package demo

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/ssh"

	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
	"volary.dev/store/people"
)

// Password is for everyone. It is no secret: a demo listens on this machine alone unless one asks for more.
const Password = "volary-demo"

const (
	// Hosts is how many hosts the demo has.
	Hosts      = 4
	northHosts = 3 // the rest is the south's
	hours      = 100
	// hostVCPUs is more than a small machine has: all four hosts are the same machine, and its guests mostly wait.
	hostVCPUs = 8
)

// Person is one of the demo's people.
type Person struct {
	Email, Name string
	Does        string // "owner of Tidal Modelling Group"

	organization string
	membership   people.OrganizationRole
	provider     string
	staff        people.StaffRole
	admin        bool
}

const (
	tidalGroup     = "Tidal Modelling Group"
	genomeLab      = "Genome Lab"
	northComputing = "North Computing"
	southComputing = "South Computing"
)

// accountantOf decides on a provider's orders: whoever sets a price may not.
func accountantOf(provider string) string {
	if provider == northComputing {
		return "abe@north.example"
	}
	return "sue@south.example"
}

func locationOf(provider string) string {
	if provider == northComputing {
		return "Hamburg, Germany"
	}
	return "Lyon, France"
}

// poolOf names a provider's only pool.
func poolOf(provider string) string {
	if provider == northComputing {
		return "north"
	}
	return "south"
}

// People are who may sign in, all with Password.
func People() []Person {
	return []Person{
		{Email: "ada@tidal.example", Name: "Ada Brook", Does: "owner of " + tidalGroup, organization: tidalGroup, membership: people.RoleOwner},
		{Email: "ben@tidal.example", Name: "Ben Marsh", Does: "member of " + tidalGroup, organization: tidalGroup, membership: people.RoleMember},
		{Email: "bea@tidal.example", Name: "Bea Ledger", Does: "reads the usage of " + tidalGroup, organization: tidalGroup, membership: people.RoleBilling},
		{Email: "aud@tidal.example", Name: "Aud Proof", Does: "audits " + tidalGroup, organization: tidalGroup, membership: people.RoleAuditor},
		{Email: "gil@genome.example", Name: "Gil Strand", Does: "owner of " + genomeLab, organization: genomeLab, membership: people.RoleOwner},
		{Email: "nora@north.example", Name: "Nora Rack", Does: "operator at " + northComputing, provider: northComputing, staff: people.StaffOperator},
		{Email: "abe@north.example", Name: "Abe Sum", Does: "accountant at " + northComputing, provider: northComputing, staff: people.StaffAccountant},
		{Email: "nina@north.example", Name: "Nina Price", Does: "admin of " + northComputing, provider: northComputing, staff: people.StaffAdmin},
		{Email: "ned@north.example", Name: "Ned Check", Does: "audits " + northComputing, provider: northComputing, staff: people.StaffAuditor},
		{Email: "sid@south.example", Name: "Sid Blade", Does: "admin of " + southComputing, provider: southComputing, staff: people.StaffAdmin},
		{Email: "sue@south.example", Name: "Sue Tally", Does: "accountant at " + southComputing, provider: southComputing, staff: people.StaffAccountant},
		{Email: "root@volary.example", Name: "Platform Root", Does: "runs the platform", admin: true},
	}
}

// Host is a host that the lab or the memory driver offers.
type Host struct {
	Name     string
	Address  provisioner.HostAddress
	Underlay netip.Addr
}

// SimulatedHosts are the demo's hosts where there is no lab.
func SimulatedHosts() (hosts []Host, underlay netip.Prefix) {
	for i := 1; i <= Hosts; i++ {
		name := fmt.Sprintf("host-%d", i)
		hosts = append(hosts, Host{
			Name:     name,
			Address:  provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: name},
			Underlay: netip.AddrFrom4([4]byte{10, 77, 0, byte(10 + i)}),
		})
	}
	return hosts, netip.MustParsePrefix("10.77.0.0/24")
}

// ErrMoved says that the database knows simulated hosts where there are real ones now, or the other way round.
var ErrMoved = errors.New("the demo was made with hosts of the other kind (simulated or real), which have none of its disks: begin anew with --reset")

// ErrCutShort says that an earlier Make ended in the middle.
var ErrCutShort = errors.New("the demo's past was cut short when it was made: begin anew with --reset")

// Options of Make.
type Options struct {
	Hosts    []Host // as many as Hosts
	Underlay netip.Prefix
	Closed   []netip.Prefix // what guests must not reach beside what none may: addresses of the machine that the demo is on
	Images   Images
	Now      time.Time
	// Enrol does on the machine of a host what its provider's staff would: it has the host's line pasted there. Nil: nobody does.
	Enrol func(context.Context, Host, string) error
}

// Make makes the demo: two groups, two providers, a pool of three of the Hosts and a pool of the fourth, 90 days of what
// the groups did, and hours to use. What is there already stays. Nobody else may work with the database meanwhile. It
// returns ErrMoved and ErrCutShort.
func Make(ctx context.Context, pool *pgxpool.Pool, o Options) error {
	if len(o.Hosts) != Hosts {
		return fmt.Errorf("the demo has %d hosts, not %d", Hosts, len(o.Hosts))
	}
	if cut, err := cutShort(ctx, pool); err != nil || cut {
		return errors.Join(err, ErrCutShort)
	}
	db := floors.New(pool, store.Options{})
	_, err := db.People.OrganizationByName(ctx, tidalGroup)
	if isRefusal(err, "not_found") && o.Images.Blobs != nil {
		err = makePast(ctx, pool, o)
	}
	if err != nil && !isRefusal(err, "not_found") {
		return err
	}
	d := newMaker(db)
	if err := d.all(ctx, o); err != nil {
		return err
	}
	return errors.Join(d.enrol(ctx, o), d.hours(ctx))
}

// enrol pastes the line of each host that waits for its code.
func (d *maker) enrol(ctx context.Context, o Options) error {
	if o.Enrol == nil {
		return nil
	}
	byName := map[string]Host{}
	for _, h := range o.Hosts {
		byName[h.Name] = h
	}
	for _, provider := range d.providers {
		hosts, err := d.db.Machines.Hosts(ctx, provider)
		if err != nil {
			return err
		}
		for _, h := range hosts {
			if at, ok := byName[h.Name]; ok && h.Code != "" {
				if err := o.Enrol(ctx, at, h.Code); err != nil {
					return fmt.Errorf("enrol %s: %w", h.Name, err)
				}
			}
		}
	}
	return nil
}

// makePast makes everything in the past, and what was done since.
func makePast(ctx context.Context, pool *pgxpool.Pool, o Options) error {
	now := o.Now.UTC().Truncate(time.Second)
	p, err := openPast(ctx, pool, now.AddDate(0, 0, -historyDays))
	if err != nil {
		return err
	}
	d := newMaker(p.db)
	if err := d.all(ctx, o); err != nil {
		return err
	}
	s := &story{
		stage: stage{past: p, live: map[uuid.UUID]map[uuid.UUID]bool{}}, images: o.Images, made: d,
		dice: rand.New(rand.NewPCG(2008, 28)), // always the same past
	}
	if err := s.tell(ctx, now); err != nil {
		return err
	}
	if err := s.notEnrolled(ctx); err != nil {
		return err
	}
	return p.close(ctx)
}

type maker struct {
	db                               *floors.All
	organizations, providers, people map[string]uuid.UUID // people by e-mail
}

func newMaker(db *floors.All) *maker {
	return &maker{db: db, organizations: map[string]uuid.UUID{}, providers: map[string]uuid.UUID{}, people: map[string]uuid.UUID{}}
}

// all makes what is missing of parties, people and machines.
func (d *maker) all(ctx context.Context, o Options) error {
	if err := d.parties(ctx); err != nil {
		return err
	}
	if err := d.everybody(ctx); err != nil {
		return err
	}
	if err := d.machines(ctx, northComputing, "10.100.0.0/16", o, o.Hosts[:northHosts]); err != nil {
		return err
	}
	if err := d.machines(ctx, southComputing, "10.101.0.0/16", o, o.Hosts[northHosts:]); err != nil {
		return err
	}
	return d.sales(ctx)
}

// sale is what a demo's provider says of itself, and sells by.
type sale struct {
	provider, setBy string
	words           people.ProviderWords
	price           int64 // millionths of a euro for a compute hour
	least           billing.Hours
}

func sales() []sale {
	const terms = "Hours are good for a year from approval. Disks of deleted clusters are removed, not overwritten. Maintenance is announced a week before."
	return []sale{
		{
			provider: northComputing, setBy: "nina@north.example", price: 45_000, least: 50 * billing.ComputeHour,
			words: people.ProviderWords{
				LegalName: "North Computing GmbH", TaxID: "DE000000000", InvoicePrefix: "NOR", AccountingZone: "Europe/Berlin",
				SupportContact: "help@north.example, weekdays 9 to 17",
				About:          "Three hosts beside the tidal flume. We run KVM and nothing else, for groups that would rather do science.", Terms: terms,
			},
		},
		{
			provider: southComputing, setBy: "sid@south.example", price: 39_000, least: 100 * billing.ComputeHour,
			words: people.ProviderWords{
				LegalName: "South Computing SAS", TaxID: "FR00000000000", InvoicePrefix: "SOU", AccountingZone: "America/New_York",
				SupportContact: "help@south.example",
				About:          "One host, kept busy. Cheap hours for those who can wait.", Terms: terms,
			},
		},
	}
}

// sales lets each provider sell: its words, and an offer with a price.
func (d *maker) sales(ctx context.Context) error {
	for _, s := range sales() {
		id, by := d.providers[s.provider], d.people[s.setBy]
		have, err := d.db.Books.Offers(ctx, id)
		if err != nil {
			return err
		}
		if len(have) > 0 {
			continue
		}
		if err := d.db.People.UpdateProvider(ctx, by, id, s.words); err != nil {
			return err
		}
		if _, err := d.db.Books.CreateOffer(ctx, by, id, books.NewOffer{Name: "Standard hours", LeastHours: s.least, GoodDays: 365, Price: s.price}); err != nil {
			return err
		}
	}
	return nil
}

func (d *maker) parties(ctx context.Context) error {
	for _, name := range []string{tidalGroup, genomeLab} {
		id, err := d.db.People.OrganizationByName(ctx, name)
		if isRefusal(err, "not_found") {
			id, err = d.db.People.CreateOrganization(ctx, uuid.Nil, name)
		}
		if err != nil {
			return err
		}
		d.organizations[name] = id
	}
	for name, zone := range map[string]string{northComputing: "Europe/Berlin", southComputing: "America/New_York"} {
		p, err := d.db.People.ProviderByName(ctx, name)
		id := p.ID
		if isRefusal(err, "not_found") {
			id, err = d.db.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: name, Currency: "EUR", AccountingZone: zone})
		}
		if err != nil {
			return err
		}
		d.providers[name] = id
	}
	return nil
}

func (d *maker) everybody(ctx context.Context) error {
	for _, p := range People() {
		known, err := d.db.People.PersonByEmail(ctx, p.Email)
		id := known.ID
		if isRefusal(err, "not_found") {
			id, err = d.db.People.CreatePerson(ctx, uuid.Nil, people.NewPerson{
				Email: p.Email, Name: p.Name, Password: Password, PlatformAdmin: p.admin,
			})
		}
		if err != nil {
			return err
		}
		d.people[p.Email] = id
		if p.organization != "" {
			err = d.db.People.AddMember(ctx, uuid.Nil, d.organizations[p.organization], id, p.membership)
		} else if p.provider != "" {
			err = d.db.People.AddStaff(ctx, uuid.Nil, d.providers[p.provider], id, p.staff)
		}
		if err != nil && !isRefusal(err, "duplicate") {
			return err
		}
		if err := d.key(ctx, p, id); err != nil {
			return err
		}
	}
	return nil
}

// key gives who launches clusters an SSH key, so that a launch does not warn that nobody could sign in. Its private half is
// thrown away: who wants to sign in adds a key of their own.
func (d *maker) key(ctx context.Context, p Person, id uuid.UUID) error {
	if p.membership != people.RoleOwner && p.membership != people.RoleMember {
		return nil
	}
	if _, keys, err := d.db.People.SSHKeys(ctx, id, people.SSHKeyFilter{}); err != nil || keys > 0 {
		return err
	}
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		return fmt.Errorf("key of %s: %w", p.Name, err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return fmt.Errorf("key of %s: %w", p.Name, err)
	}
	_, err = d.db.People.AddSSHKey(ctx, id, "laptop", string(ssh.MarshalAuthorizedKey(key)))
	return err
}

// machines makes a provider's shapes, its pool and the pool's hosts.
func (d *maker) machines(ctx context.Context, provider, prefix string, o Options, hosts []Host) error {
	providerID, pool := d.providers[provider], poolOf(provider)
	poolID, err := d.db.Machines.PoolByName(ctx, providerID, pool)
	if isRefusal(err, "not_found") {
		if err := d.shapes(ctx, providerID); err != nil {
			return err
		}
		subnets := netip.MustParsePrefix(prefix)
		closed := slices.DeleteFunc(slices.Clone(o.Closed), subnets.Overlaps) // clusters' own networks are closed as they are
		poolID, err = d.db.Machines.CreatePool(ctx, uuid.Nil, providerID, machines.NewPool{
			Name: pool, Prefix: subnets, SubnetBits: 24, Underlay: o.Underlay, Management: closed,
			Storage: "local", MachineType: "q35", MTU: 1450, TestVCPUs: 4, MaxLeaseHours: 720, Location: locationOf(provider),
		})
	}
	if err != nil {
		return err
	}
	return d.hosts(ctx, providerID, poolID, o.Underlay, hosts)
}

// hosts adds those that a pool has not, moves those that have another address by now, and checks anew what had failed.
func (d *maker) hosts(ctx context.Context, providerID, poolID uuid.UUID, underlay netip.Prefix, hosts []Host) error {
	have, err := d.db.Machines.HostsOfPool(ctx, poolID)
	if err != nil {
		return err
	}
	known := map[string]machines.Host{}
	for _, h := range have {
		known[h.Name] = h
	}
	moved := machines.HostsMove{Underlay: underlay, Restarted: true}
	for _, h := range hosts {
		k, ok := known[h.Name]
		if ok && (!k.Address.Same(h.Address.Canonical()) || k.Underlay != h.Underlay) {
			if (k.Address.Scheme == provisioner.SchemeMemory) != (h.Address.Scheme == provisioner.SchemeMemory) {
				return ErrMoved
			}
			moved.Hosts = append(moved.Hosts, machines.MovedHost{ID: k.ID, Address: h.Address, Underlay: h.Underlay})
		}
	}
	if len(moved.Hosts) > 0 {
		if err := d.db.Machines.MoveHosts(ctx, uuid.Nil, providerID, poolID, moved); err != nil {
			return err
		}
	}
	for _, h := range hosts {
		k, ok := known[h.Name]
		switch {
		case !ok:
			_, err = d.db.Machines.AddHost(ctx, uuid.Nil, providerID, poolID, machines.NewHost{Name: h.Name, Address: h.Address, Underlay: h.Underlay, VCPUs: hostVCPUs})
		case k.EnrolledAt == nil && k.Code == "":
			err = d.db.Machines.RenewHostCode(ctx, uuid.Nil, providerID, k.ID)
		case k.CheckState == "failed":
			err = d.db.Machines.CheckHost(ctx, uuid.Nil, providerID, k.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *maker) shapes(ctx context.Context, providerID uuid.UUID) error {
	have, err := d.db.Machines.Shapes(ctx, providerID)
	if err != nil || len(have) > 0 {
		return err
	}
	for _, s := range []machines.NewShape{
		{Name: "tiny", Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}},
		{Name: "small", Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 2048, DiskGiB: 10}},
		{Name: "medium", Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 8192, DiskGiB: 20}},
	} {
		if _, err := d.db.Machines.CreateShape(ctx, uuid.Nil, providerID, s); err != nil {
			return err
		}
	}
	return nil
}

// hours grants each group hours at each provider, once.
func (d *maker) hours(ctx context.Context) error {
	for _, orgID := range d.organizations {
		wallet, err := d.db.Books.Wallet(ctx, orgID)
		if err != nil {
			return err
		}
		for _, providerID := range d.providers {
			if slices.ContainsFunc(wallet, func(w books.WalletCard) bool { return w.ProviderID == providerID }) {
				continue
			}
			_, err := d.db.Books.GrantHours(ctx, books.Grant{
				ProviderID: providerID, OrganizationID: orgID, Hours: hours * billing.ComputeHour, Note: "to try Volary",
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func isRefusal(err error, code string) bool {
	r, ok := refusal.As(err)
	return ok && r.Code == code
}
