package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// The demo: two groups, two providers, four hosts, and hours to use. Every step looks first whether it is there, so
// that a demo cut short is completed by the next up.

// demoPassword is for everyone. It is no secret: a demo listens on this machine alone unless one asks for more.
const demoPassword = "volary-demo"

const (
	labHosts   = 4
	demoHours  = 500
	northHosts = 3 // the rest is the south's
)

type demoPerson struct {
	email, name, role string
	organization      string
	membership        store.OrganizationRole
	provider          string
	staff             store.StaffRole
	admin             bool
}

const (
	tidalGroup     = "Tidal Modelling Group"
	genomeLab      = "Genome Lab"
	northComputing = "North Computing"
	southComputing = "South Computing"
)

func demoPeople() []demoPerson {
	return []demoPerson{
		{email: "ada@tidal.example", name: "Ada Brook", role: "owner of " + tidalGroup, organization: tidalGroup, membership: store.RoleOwner},
		{email: "ben@tidal.example", name: "Ben Marsh", role: "member of " + tidalGroup, organization: tidalGroup, membership: store.RoleMember},
		{email: "bea@tidal.example", name: "Bea Ledger", role: "reads the usage of " + tidalGroup, organization: tidalGroup, membership: store.RoleBilling},
		{email: "gil@genome.example", name: "Gil Strand", role: "owner of " + genomeLab, organization: genomeLab, membership: store.RoleOwner},
		{email: "nora@north.example", name: "Nora Rack", role: "operator at " + northComputing, provider: northComputing, staff: store.StaffOperator},
		{email: "abe@north.example", name: "Abe Sum", role: "accountant at " + northComputing, provider: northComputing, staff: store.StaffAccountant},
		{email: "sid@south.example", name: "Sid Blade", role: "admin of " + southComputing, provider: southComputing, staff: store.StaffAdmin},
		{email: "root@volary.example", name: "Platform Root", role: "runs the platform", admin: true},
	}
}

// demoHost is a host that the lab or the memory driver offers.
type demoHost struct {
	name     string
	address  provisioner.HostAddress
	underlay netip.Addr
}

func (v *volary) demoHosts() (hosts []demoHost, underlay netip.Prefix) {
	if v.lab != nil {
		for _, h := range v.lab.Hosts() {
			hosts = append(hosts, demoHost{h.Name, h.Address, h.Underlay})
		}
		return hosts, v.lab.Prefix()
	}
	underlay = netip.MustParsePrefix("10.77.0.0/24")
	for i := 1; i <= labHosts; i++ {
		name := fmt.Sprintf("host-%d", i)
		hosts = append(hosts, demoHost{
			name:     name,
			address:  provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: name},
			underlay: netip.AddrFrom4([4]byte{10, 77, 0, byte(10 + i)}),
		})
	}
	return hosts, underlay
}

func (v *volary) seed(ctx context.Context) (string, error) {
	db, err := store.New(v.pool, store.Options{})
	if err != nil {
		return "", err
	}
	d := demo{db: db, organizations: map[string]uuid.UUID{}, providers: map[string]uuid.UUID{}}
	if err := d.parties(ctx); err != nil {
		return "", err
	}
	if err := d.people(ctx); err != nil {
		return "", err
	}
	hosts, underlay := v.demoHosts()
	if err := d.machines(ctx, northComputing, "north", "10.100.0.0/16", underlay, hosts[:northHosts]); err != nil {
		return "", err
	}
	if err := d.machines(ctx, southComputing, "south", "10.101.0.0/16", underlay, hosts[northHosts:]); err != nil {
		return "", err
	}
	return "", d.hours(ctx)
}

type demo struct {
	db                       *store.DB
	organizations, providers map[string]uuid.UUID
}

func (d *demo) parties(ctx context.Context) error {
	for _, name := range []string{tidalGroup, genomeLab} {
		id, err := d.db.OrganizationByName(ctx, name)
		if isRefusal(err, "not_found") {
			id, err = d.db.CreateOrganization(ctx, uuid.Nil, name)
		}
		if err != nil {
			return err
		}
		d.organizations[name] = id
	}
	for name, zone := range map[string]string{northComputing: "Europe/Berlin", southComputing: "America/New_York"} {
		p, err := d.db.ProviderByName(ctx, name)
		id := p.ID
		if isRefusal(err, "not_found") {
			id, err = d.db.CreateProvider(ctx, uuid.Nil, store.NewProvider{Name: name, Currency: "EUR", AccountingZone: zone})
		}
		if err != nil {
			return err
		}
		d.providers[name] = id
	}
	return nil
}

func (d *demo) people(ctx context.Context) error {
	for _, p := range demoPeople() {
		known, err := d.db.PersonByEmail(ctx, p.email)
		id := known.ID
		if isRefusal(err, "not_found") {
			id, err = d.db.CreatePerson(ctx, uuid.Nil, store.NewPerson{
				Email: p.email, Name: p.name, Password: demoPassword, PlatformAdmin: p.admin,
			})
		}
		if err != nil {
			return err
		}
		if p.organization != "" {
			err = d.db.AddMember(ctx, uuid.Nil, d.organizations[p.organization], id, p.membership)
		} else if p.provider != "" {
			err = d.db.AddStaff(ctx, uuid.Nil, d.providers[p.provider], id, p.staff)
		}
		if err != nil && !isRefusal(err, "duplicate") {
			return err
		}
	}
	return nil
}

// machines makes a provider's shapes, its pool and the pool's hosts.
func (d *demo) machines(ctx context.Context, provider, pool, prefix string, underlay netip.Prefix, hosts []demoHost) error {
	providerID := d.providers[provider]
	poolID, err := d.db.PoolByName(ctx, providerID, pool)
	if isRefusal(err, "not_found") {
		if err := d.shapes(ctx, providerID); err != nil {
			return err
		}
		poolID, err = d.db.CreatePool(ctx, uuid.Nil, providerID, store.NewPool{
			Name: pool, Prefix: netip.MustParsePrefix(prefix), SubnetBits: 24, Underlay: underlay,
			Storage: "local", MachineType: "q35", MTU: 1450, TestVCPUs: 4, MaxLeaseHours: 720,
		})
	}
	if err != nil {
		return err
	}
	have, err := d.db.HostsOfPool(ctx, poolID)
	if err != nil {
		return err
	}
	known := map[string]provisioner.HostAddress{}
	for _, h := range have {
		known[h.Name] = h.Address
	}
	for _, h := range hosts {
		if address, ok := known[h.name]; ok {
			if address != h.address {
				return errMovedHosts
			}
			continue
		}
		if _, err := d.db.AddHost(ctx, uuid.Nil, providerID, poolID, store.NewHost{Name: h.name, Address: h.address, Underlay: h.underlay}); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) shapes(ctx context.Context, providerID uuid.UUID) error {
	have, err := d.db.Shapes(ctx, providerID)
	if err != nil || len(have) > 0 {
		return err
	}
	for _, s := range []store.NewShape{
		{Name: "tiny", Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}},
		{Name: "small", Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 2048, DiskGiB: 10}},
		{Name: "medium", Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 8192, DiskGiB: 20}},
	} {
		if _, err := d.db.CreateShape(ctx, uuid.Nil, providerID, s); err != nil {
			return err
		}
	}
	return nil
}

// hours grants each group hours at each provider, once.
func (d *demo) hours(ctx context.Context) error {
	for _, orgID := range d.organizations {
		wallet, err := d.db.Wallet(ctx, orgID)
		if err != nil {
			return err
		}
		for _, providerID := range d.providers {
			if slices.ContainsFunc(wallet, func(w store.WalletCard) bool { return w.ProviderID == providerID }) {
				continue
			}
			_, err := d.db.GrantHours(ctx, store.Grant{
				ProviderID: providerID, OrganizationID: orgID, Hours: demoHours * billing.ComputeHour, Note: "to try Volary",
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func isRefusal(err error, code string) bool {
	r, ok := provisioner.AsRefusal(err)
	return ok && r.Code == code
}

// errMovedHosts says that the hosts' addresses are not what the database knows.
var errMovedHosts = errors.New("the lab's network changed since the demo was made: begin anew with --reset")
