package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store/books"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
	"volary.dev/store/people"
)

// Password opens every person of a World, and Email is its owner's.
const (
	Password = "a volary of birds"
	Email    = "ada@example.org"
)

// World is a small marketplace on a database of its own: a provider with one pool of three checked hosts of 8 vCPUs,
// 8 GiB and 100 GiB each, of which 4 vCPUs are the test share; a shape "small" (1 vCPU, 256 MiB, 2 GiB, rate 1000); an
// organization with one owner, a ready image, a published version for 0 to 8 compute nodes, and 100 compute hours.
type World struct {
	DB   *floors.All
	Pool *pgxpool.Pool

	Person       uuid.UUID // ada@example.org, owner
	Organization uuid.UUID // Astro
	Provider     uuid.UUID // North
	PoolID       uuid.UUID // main
	Hosts        []uuid.UUID
	Image        uuid.UUID
	Model        uuid.UUID // trial
	Version      uuid.UUID // 1.0
}

// Digest is the canonical digest of a World's image.
var Digest = strings.Repeat("ab", 32)

// NewWorld makes a World: a clone of one that the tests of a package have in common, since to make one takes the server much longer.
func NewWorld(t testing.TB) *World {
	t.Helper()
	made := worlds.first(t)
	w := *made
	w.Hosts = slices.Clone(made.Hosts)
	w.Pool = poolOf(t, cloneOf(t, worlds.name))
	w.DB = Open(t, w.Pool)
	return &w
}

// worlds has the World that those of a test program are clones of.
var worlds commonWorld

type commonWorld struct {
	mu   sync.Mutex
	name string // of its database
	made *World
}

// first makes the World unless a test before did.
func (c *commonWorld) first(t testing.TB) *World {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made != nil {
		return c.made
	}
	address := URL(t)
	pool := poolOf(t, address)
	as := PoolAs(t, pool, servers)
	w := NewWorldOver(t, floors.New(as, Options()), pool)
	as.Close()
	pool.Close() // whose database is used is not cloned
	name, err := keepWorld(address)
	noError(t, err)
	c.name, c.made = name, w
	return w
}

// NewWorldOver makes a World in a database that is migrated and empty; the pool may everything there.
func NewWorldOver(t testing.TB, db *floors.All, pool *pgxpool.Pool) *World {
	t.Helper()
	w := &World{DB: db, Pool: pool}
	ctx := t.Context()
	w.Person = check[uuid.UUID](t)(w.DB.People.CreatePerson(ctx, uuid.Nil, people.NewPerson{Email: Email, Name: "Ada", Password: Password}))
	w.Organization = check[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Astro"))
	noError(t, w.DB.People.AddMember(ctx, uuid.Nil, w.Organization, w.Person, people.RoleOwner))
	w.Provider = check[uuid.UUID](t)(w.DB.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: "North", Currency: "EUR", AccountingZone: "Europe/Berlin"}))
	w.PoolID = check[uuid.UUID](t)(w.DB.Machines.CreatePool(ctx, uuid.Nil, w.Provider, machines.NewPool{
		Name: "main", Prefix: netip.MustParsePrefix("10.128.0.0/12"), Underlay: netip.MustParsePrefix("192.0.2.0/24"),
	}))
	check[uuid.UUID](t)(w.DB.Machines.CreateShape(ctx, uuid.Nil, w.Provider, machines.NewShape{Name: "small", Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}}))
	for i := range 3 {
		w.Hosts = append(w.Hosts, w.AddHost(t, i+1))
	}
	w.Image = w.AddImage(t, w.Organization, w.Person)
	w.Model = check[uuid.UUID](t)(w.DB.Models.CreateModelCluster(ctx, w.Organization, w.Person, "trial"))
	w.Version = w.Publish(t, w.Organization, w.Model, w.Image, "1.0")
	w.Grant(t, w.Organization, 100*billing.ComputeHour)
	return w
}

// AddHost adds the n-th host, whose check passes.
func (w *World) AddHost(t testing.TB, n int) uuid.UUID {
	t.Helper()
	ctx := t.Context()
	name := fmt.Sprintf("host-%d", n)
	id := check[uuid.UUID](t)(w.DB.Machines.AddHost(ctx, uuid.Nil, w.Provider, w.PoolID, machines.NewHost{
		Name: name, Address: provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: name},
		Underlay: netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}),
	}))
	Enrol(t, w.DB, id)
	facts := provisioner.HostFacts{Hostname: name, CPUModel: "Sample 8", UEFI: true, VCPUs: 8, MemoryMiB: 8192 + 512, DiskGiB: 100}
	report := []provisioner.HostCheck{{Name: "connection", State: provisioner.CheckPassed}}
	noError(t, w.DB.Machines.HostCheckDone(ctx, id, facts, provisioner.AccelerationTCG, report, true))
	return id
}

// Enrol enrols a host, as if the simulated machine at its address reported its code.
func Enrol(t testing.TB, db *floors.All, host uuid.UUID) {
	t.Helper()
	h := check[machines.Host](t)(db.Machines.HostForWorker(t.Context(), host))
	step := check[machines.EnrolmentStep](t)(db.Machines.EnrolHost(t.Context(), host, Reports(h.Address, h.Code)))
	if step != machines.EnrolmentDone {
		t.Fatalf("the host is not enrolled: %s", step)
	}
}

// Reports is what the simulated machine at an address says of itself where a code was written down on it.
func Reports(a provisioner.HostAddress, code string) provisioner.Enrolment {
	a.Machine = provisioner.Machine{}
	return provisioner.Enrolment{Machine: provisioner.SimulatedMachine(a), Hook: provisioner.HookAnswers, Code: provisioner.CodeHash(code)}
}

// AddImage adds an image.
func (w *World) AddImage(t testing.TB, orgID, personID uuid.UUID) uuid.UUID {
	t.Helper()
	return w.AddImageOf(t, orgID, personID, Digest, 900)
}

// AddImageOf adds an image of a canonical file whose bytes are somewhere.
func (w *World) AddImageOf(t testing.TB, orgID, personID uuid.UUID, digest string, size int64) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	_, err := w.Pool.Exec(t.Context(), `
		INSERT INTO images (id, organization_id, person_id, name, virtual_size, canonical_size, canonical_digest, guest_digest, created_at)
		VALUES ($1, $2, $3, 'sample.qcow2', 1 << 30, $5, $4, $4, now())`, id, orgID, personID, digest, size)
	noError(t, err)
	return id
}

// Publish makes and publishes a version for 0 to 8 compute nodes of 1 vCPU, 256 MiB and 2 GiB, gated by address.
func (w *World) Publish(t testing.TB, orgID, modelID, imageID uuid.UUID, version string) uuid.UUID {
	t.Helper()
	gate := provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120}
	id := check[uuid.UUID](t)(w.DB.Models.SaveVersion(t.Context(), orgID, w.Person, Draft(modelID, imageID, version, provisioner.Count{Most: 8}, gate)))
	noError(t, w.DB.Models.PublishVersion(t.Context(), orgID, w.Person, id, 1))
	return id
}

// PublishGroups makes and publishes a version of a head and the given groups, all of one image, of nodes like those of Publish. Of a group its
// name, count, user-data and gate are taken; one without a gate has that of Publish.
func (w *World) PublishGroups(t testing.TB, version string, groups ...provisioner.Group) uuid.UUID {
	t.Helper()
	d := Draft(w.Model, w.Image, version, provisioner.Count{}, provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120})
	for _, g := range groups {
		g.Shape = d.Model.Head.Shape
		if g.Gate == (provisioner.Gate{}) {
			g.Gate = d.Model.Head.Gate
		}
		d.Model.Compute, d.Images = append(d.Model.Compute, g), append(d.Images, w.Image)
	}
	id := check[uuid.UUID](t)(w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, d))
	noError(t, w.DB.Models.PublishVersion(t.Context(), w.Organization, w.Person, id, 1))
	return id
}

// Grant gives an organization hours of the World's provider.
func (w *World) Grant(t testing.TB, orgID uuid.UUID, h billing.Hours) {
	t.Helper()
	check[uuid.UUID](t)(w.DB.Books.GrantHours(t.Context(), books.Grant{ProviderID: w.Provider, OrganizationID: orgID, Hours: h, Note: "test"}))
}

// Launch launches the World's version with a lease of one hour.
func (w *World) Launch(t testing.TB, name string, compute int) uuid.UUID {
	t.Helper()
	return check[uuid.UUID](t)(w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, machines.LaunchRequest{
		VersionID: w.Version, PoolID: w.PoolID, Name: name, Counts: machines.Counts{"compute": compute}, LeaseSeconds: 3600,
	}))
}

// Viewer is the World's person, by a session of its own that works for an organization.
func (w *World) Viewer(t testing.TB, orgID uuid.UUID) machines.ConsoleViewer {
	t.Helper()
	return w.viewer(t, &orgID, nil)
}

// StaffViewer is the World's person, by a session of its own that works for the provider.
func (w *World) StaffViewer(t testing.TB) machines.ConsoleViewer {
	t.Helper()
	return w.viewer(t, nil, &w.Provider)
}

func (w *World) viewer(t testing.TB, orgID, providerID *uuid.UUID) machines.ConsoleViewer {
	t.Helper()
	v := machines.ConsoleViewer{Session: uuid.New(), Person: w.Person}
	w.Exec(t, `INSERT INTO sessions (id, token_hash, person_id, organization_id, provider_id, user_agent, created_at, seen_at, expires_at)
		VALUES ($1, sha256($2), $3, $4, $5, '', now(), now(), now() + interval '1 hour')`, v.Session, v.Session[:], v.Person, orgID, providerID)
	return v
}

// StartID is the start identity that Ready and Observe give a node.
func StartID(node uuid.UUID) string { return "start-" + node.String() }

// Ready takes a launched cluster to READY as the worker does.
func (w *World) Ready(t testing.TB, clusterID uuid.UUID) {
	t.Helper()
	ctx := t.Context()
	work := check[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(ctx, clusterID))
	evidence := map[uuid.UUID]machines.Evidence{}
	for _, n := range work.Nodes {
		_, err := w.DB.Machines.SetNode(ctx, n.ID, []provisioner.NodeState{provisioner.NodeReserved}, provisioner.NodeStarting, "", "")
		noError(t, err)
		evidence[n.ID] = machines.Evidence{StartID: StartID(n.ID), Kind: "address", Detail: n.Address.String(), At: work.Now}
	}
	ok, err := w.DB.Machines.MarkNodesReady(ctx, clusterID, work.Generation, evidence)
	noError(t, err)
	if !ok {
		t.Fatal("not marked ready: someone changed the cluster")
	}
}

// Observe records a round of a host in which every given node runs, and tells whether it counted.
func (w *World) Observe(t testing.TB, host uuid.UUID, running ...uuid.UUID) bool {
	t.Helper()
	ctx := t.Context()
	_, err := w.DB.Machines.ClaimHosts(ctx, "test", time.Minute)
	noError(t, err)
	start, err := w.DB.Machines.StartRound(ctx, host)
	noError(t, err)
	var o provisioner.Observation
	for _, id := range running {
		o.Nodes = append(o.Nodes, provisioner.NodeObservation{ID: id, State: provisioner.MachineRunning, StartID: StartID(id)})
	}
	ok, err := w.DB.Machines.RecordRound(ctx, host, "test", start, o)
	noError(t, err)
	return ok
}

// Exec changes rows directly, for what no command does.
func (w *World) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	_, err := w.Pool.Exec(context.WithoutCancel(t.Context()), sql, args...)
	noError(t, err)
}

// check gives the value of a call that must not fail.
func check[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		noError(t, err)
		return v
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
