package handlertest

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store/blob"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// Password is everybody's.
const Password = "long enough for a test"

// The people of the world, one for each role that a policy may tell apart.
const (
	Owner         = "owner@first.example"
	Manager       = "manager@first.example"
	Member        = "member@first.example"
	Billing       = "billing@first.example"
	OtherOwner    = "owner@second.example" // of the other organization, which has nothing
	Admin         = "admin@north.example"
	Operator      = "operator@north.example"
	Accountant    = "accountant@north.example"
	OtherAdmin    = "admin@south.example" // of the other provider, which has nothing
	PlatformAdmin = "root@platform.example"
	Auditor       = "auditor@first.example"
	StaffAuditor  = "auditor@north.example"
	RootAuditor   = "auditor@platform.example"
	Nobody        = "nobody@nowhere.example" // signed in, and works nowhere
)

// World is what the first organization and the first provider (North) have.
type World struct {
	Organization, Other   uuid.UUID // organizations
	North, South          uuid.UUID // providers
	Pool, Host, Shape     uuid.UUID
	Image                 uuid.UUID
	Model, Draft, Version uuid.UUID // Version is published, Draft is not
	Key                   uuid.UUID // of Member
	Upload                string    // unfinished
	Extra                 uuid.UUID // a person, member of the first organization, whom no test needs
	Invitation, Mail      uuid.UUID // of the first organization, and what was written for it
	people                map[string]uuid.UUID
}

// Person is the id of one of the world's people.
func (w *World) Person(email string) uuid.UUID { return w.people[email] }

// World fills the database. Nothing is launched yet; see Launch.
func (a *App) World() *World {
	a.t.Helper()
	w := &World{people: map[string]uuid.UUID{}}
	a.parties(w)
	a.machines(w)
	a.description(w)
	a.invitation(w)
	return w
}

func (a *App) parties(w *World) {
	ctx := context.Background()
	w.Organization = must(a.Store.People.CreateOrganization(ctx, uuid.Nil, "First Group"))(a)
	w.Other = must(a.Store.People.CreateOrganization(ctx, uuid.Nil, "Second Group"))(a)
	w.North = must(a.Store.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: "North", Currency: "EUR", AccountingZone: "Europe/Berlin"}))(a)
	w.South = must(a.Store.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: "South", Currency: "USD", AccountingZone: "America/New_York"}))(a)
	// One hash for everybody: hashing passwords is slow on purpose.
	w.people[Owner] = must(a.Store.People.CreatePerson(ctx, uuid.Nil, people.NewPerson{Email: Owner, Name: "Owner", Password: Password}))(a)
	for _, email := range []string{Manager, Member, Billing, OtherOwner, Admin, Operator, Accountant, OtherAdmin, PlatformAdmin, Auditor, StaffAuditor, RootAuditor, Nobody} {
		w.people[email] = must(uuid.NewV7())(a)
		_, err := a.Pool.Exec(ctx, `INSERT INTO people (id, email, name, password_hash, platform_admin, platform_auditor, created_at)
			SELECT $1, $2, $2, password_hash, $3, $4, now() FROM people WHERE email = $5`, w.people[email], email, email == PlatformAdmin, email == RootAuditor, Owner)
		a.ok(err)
	}
	for email, role := range map[string]people.OrganizationRole{
		Owner: people.RoleOwner, Manager: people.RoleManager, Member: people.RoleMember, Billing: people.RoleBilling, Auditor: people.RoleAuditor,
	} {
		a.ok(a.Store.People.AddMember(ctx, uuid.Nil, w.Organization, w.people[email], role))
	}
	a.ok(a.Store.People.AddMember(ctx, uuid.Nil, w.Other, w.people[OtherOwner], people.RoleOwner))
	for email, role := range map[string]people.StaffRole{Admin: people.StaffAdmin, Operator: people.StaffOperator, Accountant: people.StaffAccountant, StaffAuditor: people.StaffAuditor} {
		a.ok(a.Store.People.AddStaff(ctx, uuid.Nil, w.North, w.people[email], role))
	}
	a.ok(a.Store.People.AddStaff(ctx, uuid.Nil, w.South, w.people[OtherAdmin], people.StaffAdmin))
}

// invitation invites someone to the first organization.
func (a *App) invitation(w *World) {
	ctx := context.Background()
	w.Extra = must(uuid.NewV7())(a)
	_, err := a.Pool.Exec(ctx, `INSERT INTO people (id, email, name, password_hash, created_at)
		SELECT $1, 'extra@first.example', 'Extra', password_hash, now() FROM people WHERE email = $2`, w.Extra, Owner)
	a.ok(err)
	a.ok(a.Store.People.AddMember(ctx, uuid.Nil, w.Organization, w.Extra, people.RoleMember))
	w.Invitation, _, err = a.Store.People.InviteToOrganization(ctx, w.Organization, w.people[Owner], people.NewInvitation{Email: "invited@first.example", Role: "member"})
	a.ok(err)
	a.ok(a.Pool.QueryRow(ctx, `SELECT id FROM mails WHERE to_address = 'invited@first.example'`).Scan(&w.Mail))
}

// machines gives North one pool with one host that passed its check, a shape, and 1000 hours to the first
// organization.
func (a *App) machines(w *World) {
	ctx := context.Background()
	shape := provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}
	w.Shape = must(a.Store.Machines.CreateShape(ctx, uuid.Nil, w.North, machines.NewShape{Name: "tiny", Shape: shape}))(a)
	w.Pool = must(a.Store.Machines.CreatePool(ctx, uuid.Nil, w.North, machines.NewPool{
		Name: "pool", Prefix: netip.MustParsePrefix("10.90.0.0/16"), Underlay: netip.MustParsePrefix("192.0.2.0/24"),
		Storage: "local", MachineType: "q35",
	}))(a)
	w.Host = must(a.Store.Machines.AddHost(ctx, uuid.Nil, w.North, w.Pool, machines.NewHost{
		Name: "host-1", Underlay: netip.MustParseAddr("192.0.2.11"),
		Address: provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"},
	}))(a)
	storetest.Enrol(a.t, a.Store, w.Host)
	facts := provisioner.HostFacts{UEFI: true, VCPUs: 16, MemoryMiB: 16384, DiskGiB: 200, DiskFreeGiB: 200, HookAnswers: true}
	checks := []provisioner.HostCheck{{Name: "connection", State: provisioner.CheckPassed, Detail: "answers", Seconds: 0.1}}
	a.ok(a.Store.Machines.HostCheckDone(ctx, w.Host, facts, provisioner.AccelerationTCG, checks, true))
	must(a.Store.Books.GrantHours(ctx, books.Grant{ProviderID: w.North, OrganizationID: w.Organization, Hours: 1000 * billing.ComputeHour, Note: "test"}))(a)
}

// Furnish gives South a pool with a host, and the second organization an image: what pages want before they show a list.
func (a *App) Furnish(w *World) {
	a.t.Helper()
	ctx := context.Background()
	pool := must(a.Store.Machines.CreatePool(ctx, uuid.Nil, w.South, machines.NewPool{
		Name: "southern", Prefix: netip.MustParsePrefix("10.91.0.0/16"), Underlay: netip.MustParsePrefix("198.51.100.0/24"), Storage: "local", MachineType: "q35",
	}))(a)
	must(a.Store.Machines.AddHost(ctx, uuid.Nil, w.South, pool, machines.NewHost{
		Name: "south-1", Underlay: netip.MustParseAddr("198.51.100.11"), Address: provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "south-1"},
	}))(a)
	upload := strings.Repeat("ef", 16)
	a.ok(a.Store.Models.CreateUpload(ctx, w.Other, w.people[OtherOwner], upload, "theirs.qcow2", 1<<20))
	a.ok(a.Store.Models.FinishUpload(ctx, w.people[OtherOwner], upload))
	a.done(upload)
}

// description gives the first organization an image, a model cluster, a published version and a draft.
func (a *App) description(w *World) {
	ctx := context.Background()
	owner := w.people[Owner]
	w.Image = a.image(w, owner)
	w.Upload = strings.Repeat("ab", 16)
	a.ok(a.Store.Models.CreateUpload(ctx, w.Organization, owner, w.Upload, "second.qcow2", 1<<20))
	w.Model = must(a.Store.Models.CreateModelCluster(ctx, w.Organization, owner, "trial"))(a)
	w.Version = a.saveVersion(w, "1")
	a.ok(a.Store.Models.PublishVersion(ctx, w.Organization, owner, w.Version, 1))
	w.Draft = a.saveVersion(w, "2")
	w.Key = must(a.Store.People.AddSSHKey(ctx, w.people[Member], "laptop", PublicKey))(a)
}

// PublicKey is a well-formed key whose private half nobody has.
const PublicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl somebody"

func (a *App) image(w *World, owner uuid.UUID) uuid.UUID {
	ctx := context.Background()
	upload := strings.Repeat("cd", 16)
	a.ok(a.Store.Models.CreateUpload(ctx, w.Organization, owner, upload, "sample.qcow2", 1<<20))
	a.ok(a.Store.Models.FinishUpload(ctx, owner, upload))
	a.done(upload)
	key := must(blob.ImageKey(diskDigest()))(a)
	must(a.blobs.Put(ctx, key, bytes.NewReader(disk())))(a)
	return must(a.Store.Models.ImagesOfUpload(ctx, w.Organization, upload))(a)[0].ID
}

// Share has a third organization make a model cluster with a published version of the world's disk, and share it with the first.
func (a *App) Share(w *World) uuid.UUID {
	a.t.Helper()
	ctx, owner, upload := context.Background(), must(uuid.NewV7())(a), strings.Repeat("ee", 16)
	_, err := a.Pool.Exec(ctx, `INSERT INTO people (id, email, name, password_hash, created_at)
		SELECT $1, 'owner@sharing.example', 'Third', password_hash, now() FROM people WHERE email = $2`, owner, Owner)
	a.ok(err)
	sharing := must(a.Store.People.CreateOrganization(ctx, uuid.Nil, "Sharing Group"))(a)
	a.ok(a.Store.People.AddMember(ctx, uuid.Nil, sharing, owner, people.RoleOwner))
	a.ok(a.Store.Models.CreateUpload(ctx, sharing, owner, upload, "shared.qcow2", 1<<20))
	a.ok(a.Store.Models.FinishUpload(ctx, owner, upload))
	a.done(upload)
	model := must(a.Store.Models.CreateModelCluster(ctx, sharing, owner, "shared"))(a)
	image := must(a.Store.Models.ImagesOfUpload(ctx, sharing, upload))(a)[0].ID
	gate := provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120}
	version := must(a.Store.Models.SaveVersion(ctx, sharing, owner, storetest.Draft(model, image, "1", provisioner.Count{Most: 8}, gate)))(a)
	a.ok(a.Store.Models.PublishVersion(ctx, sharing, owner, version, 1))
	a.ok(a.Store.Models.ShareModel(ctx, sharing, owner, model, "First Group"))
	return model
}

// done is the verdict on an upload that is the world's disk.
func (a *App) done(upload string) {
	a.t.Helper()
	v := storetest.DoneVerdict(diskDigest())
	v.Images[0].CanonicalSize = int64(len(disk()))
	must(a.Store.Models.RecordVerdict(context.Background(), upload, v))(a)
}

func (a *App) saveVersion(w *World, version string) uuid.UUID {
	gate := provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120}
	return must(a.Store.Models.SaveVersion(context.Background(), w.Organization, w.people[Owner],
		storetest.Draft(w.Model, w.Image, version, provisioner.Count{Most: 8}, gate)))(a)
}

// Launch launches the published version for an hour with some compute nodes, and returns cluster and head.
func (a *App) Launch(w *World, name string, compute int) (cluster, head uuid.UUID) {
	a.t.Helper()
	ctx := context.Background()
	cluster = must(a.Store.Machines.LaunchCluster(ctx, w.Organization, w.people[Owner], machines.LaunchRequest{
		VersionID: w.Version, PoolID: w.Pool, Name: name, Counts: machines.Counts{"compute": compute}, LeaseSeconds: 3600,
	}))(a)
	d := must(a.Store.Machines.Cluster(ctx, w.Organization, cluster))(a)
	return cluster, d.NodeRows[0].ID
}

// Request has the member, with a cap of no hours, ask for a cluster of one node.
func (a *App) Request(w *World, name string) uuid.UUID {
	a.t.Helper()
	ctx, none := context.Background(), billing.Hours(0)
	a.ok(a.Store.Machines.SetCap(ctx, w.Organization, w.people[Owner], w.people[Member], &none))
	return must(a.Store.Machines.RequestLaunch(ctx, w.Organization, w.people[Member], machines.LaunchRequest{
		VersionID: w.Version, PoolID: w.Pool, Name: name, Counts: machines.Counts{"compute": 0}, LeaseSeconds: 3600,
	}))(a)
}

// CheckJob is the number of the job that checks North's host.
func (a *App) CheckJob(w *World) string {
	a.t.Helper()
	var id string
	a.ok(a.Pool.QueryRow(context.Background(), `SELECT id::text FROM river_job WHERE kind = 'check_host' AND args ->> 'host_id' = $1`, w.Host).Scan(&id))
	return id
}

// InviteStaff has North's admin invite an operator by link.
func (a *App) InviteStaff(w *World) uuid.UUID {
	a.t.Helper()
	id, _, err := a.Store.People.InviteToProvider(context.Background(), w.North, w.people[Admin], people.NewInvitation{Role: string(people.StaffOperator)})
	a.ok(err)
	return id
}

// Announce has North's admin tell everybody concerned something.
func (a *App) Announce(w *World) uuid.UUID {
	a.t.Helper()
	return must(a.Store.People.Announce(context.Background(), w.people[Admin], w.North, people.NewAnnouncement{
		Title: "Cooling is repaired", Text: "Two hosts rest on Tuesday.", Tone: "note",
	}))(a)
}

// Consent lets North's staff see the consoles of a cluster for an hour.
func (a *App) Consent(w *World, cluster uuid.UUID) {
	a.t.Helper()
	a.ok(a.Store.Machines.ConsentToConsole(context.Background(), w.Organization, w.people[Owner], cluster, time.Hour))
}

// Stopped makes a cluster what it is after a member stopped it and the worker powered its nodes off.
func (a *App) Stopped(cluster uuid.UUID) {
	a.t.Helper()
	ctx := context.Background()
	_, err := a.Pool.Exec(ctx, `UPDATE nodes SET desired = 'stopped', state = 'stopped', reason = 'asked' WHERE cluster_id = $1`, cluster)
	a.ok(err)
	_, err = a.Pool.Exec(ctx, `UPDATE clusters SET desired = 'stopped', reason = 'asked' WHERE id = $1`, cluster)
	a.ok(err)
}

// Test starts an acceptance test of the published version.
func (a *App) Test(w *World) uuid.UUID {
	a.t.Helper()
	return must(a.Store.Machines.StartAcceptanceTest(context.Background(), w.Organization, w.people[Owner], w.Version, w.Pool))(a)
}

func must[T any](v T, err error) func(*App) T {
	return func(a *App) T {
		a.t.Helper()
		a.ok(err)
		return v
	}
}

func (a *App) ok(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}
