package overview_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// command is one of the staff's, by its name.
type command struct {
	name string
	run  func() error
}

// only forgets what a command made.
func only[T any](_ T, err error) error { return err }

// suspendedShop is a shop with one of everything that the commands of staff change.
type suspendedShop struct {
	*storetest.Shop
	waiting, turned          uuid.UUID // orders
	planned                  uuid.UUID // price
	shape, told, invited, by uuid.UUID
}

func newSuspendedShop(t *testing.T) suspendedShop {
	t.Helper()
	s := suspendedShop{Shop: storetest.NewShop(t)}
	ctx := t.Context()
	s.waiting, s.turned, s.by = s.Order(10*billing.ComputeHour), s.Order(20*billing.ComputeHour), s.Abe
	s.planned = storetest.Must[uuid.UUID](t)(s.DB.Books.SetPrice(ctx, s.Sid, s.Provider, s.Offer, books.NewPrice{Millionths: 50_000, From: time.Now().Add(time.Hour)}))
	s.shape = storetest.Must[uuid.UUID](t)(s.DB.Machines.CreateShape(ctx, s.by, s.Provider, machines.NewShape{Name: "unused", Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 512, DiskGiB: 4}}))
	s.told = storetest.Must[uuid.UUID](t)(s.DB.People.Announce(ctx, s.by, s.Provider, storetest.Announcement("before")))
	var err error
	s.invited, _, err = s.DB.People.InviteToProvider(ctx, s.Provider, s.by, people.NewInvitation{Role: "operator"})
	storetest.NoError(t, err)
	return s
}

// growing are the commands that a suspended provider is refused. Each works where it is not suspended.
func (s suspendedShop) growing(t *testing.T) []command {
	ctx, at := t.Context(), people.Place{ProviderID: s.Provider}
	pool := machines.NewPool{Name: "second", Prefix: netip.MustParsePrefix("10.0.0.0/16"), Underlay: netip.MustParsePrefix("198.51.100.0/24")}
	main := machines.NewPool{Name: "renamed", Prefix: netip.MustParsePrefix("10.128.0.0/12"), Underlay: netip.MustParsePrefix("192.0.2.0/24")}
	host := machines.NewHost{Name: "late", Address: provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "late"}, Underlay: netip.MustParseAddr("192.0.2.99")}
	shape := machines.NewShape{Name: "late", Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 512, DiskGiB: 4}}
	return []command{
		{"add a host", func() error { return only(s.DB.Machines.AddHost(ctx, s.by, s.Provider, s.PoolID, host)) }},
		{"check a host", func() error { return s.DB.Machines.CheckHost(ctx, s.by, s.Provider, s.Hosts[0]) }},
		{"activate a host", func() error { return s.DB.Machines.ActivateHost(ctx, s.by, s.Provider, s.Hosts[0]) }},
		{"create a pool", func() error { return only(s.DB.Machines.CreatePool(ctx, s.by, s.Provider, pool)) }},
		{"change a pool", func() error { return s.DB.Machines.UpdatePool(ctx, s.by, s.Provider, s.PoolID, main) }},
		{"create a shape", func() error { return only(s.DB.Machines.CreateShape(ctx, s.by, s.Provider, shape)) }},
		{"create an offer", func() error {
			return only(s.DB.Books.CreateOffer(ctx, s.by, s.Provider, storetest.NewOffer("late", 1)))
		}},
		{"withdraw a price", func() error { return s.DB.Books.WithdrawPrice(ctx, s.by, s.Provider, s.Offer, s.planned) }},
		{"set a price", func() error {
			return only(s.DB.Books.SetPrice(ctx, s.by, s.Provider, s.Offer, books.NewPrice{Millionths: 1, From: time.Now().Add(2 * time.Hour)}))
		}},
		{"grant hours", func() error {
			return only(s.DB.Books.GrantHours(ctx, books.Grant{ProviderID: s.Provider, OrganizationID: s.Organization, Hours: billing.ComputeHour, By: s.by}))
		}},
		{"approve an order", func() error { return s.DB.Books.ApproveOrder(ctx, s.by, s.Provider, s.waiting) }},
		{"announce", func() error { return only(s.DB.People.Announce(ctx, s.by, s.Provider, storetest.Announcement("late"))) }},
		{"invite", func() error {
			_, _, err := s.DB.People.InviteToProvider(ctx, s.Provider, s.by, people.NewInvitation{Role: "operator"})
			return err
		}},
		{"renew an invitation", func() error { return only(s.DB.People.ResendInvitation(ctx, at, s.by, s.invited)) }},
	}
}

// ending are those that work all the same.
func (s suspendedShop) ending(t *testing.T) []command {
	ctx := t.Context()
	return []command{
		{"cordon a host", func() error { return s.DB.Machines.CordonHost(ctx, s.by, s.Provider, s.Hosts[0], "tired") }},
		{"drain a host", func() error { return s.DB.Machines.DrainHost(ctx, s.by, s.Provider, s.Hosts[1], "tired") }},
		{"remove a host", func() error { return s.DB.Machines.RemoveHost(ctx, s.by, s.Provider, s.Hosts[2]) }},
		{"retire a shape", func() error { return s.DB.Machines.RetireShape(ctx, s.by, s.Provider, s.shape) }},
		{"reject an order", func() error { return s.DB.Books.RejectOrder(ctx, s.by, s.Provider, s.turned, "we are suspended") }},
		{"end an announcement", func() error { return s.DB.People.EndAnnouncement(ctx, s.by, s.Provider, s.told) }},
		{"change a role", func() error { return s.DB.People.ChangeStaffRole(ctx, s.by, s.Provider, s.Sid, people.StaffOperator) }},
		{"correct what it says of itself", func() error {
			return s.DB.People.UpdateProvider(ctx, s.by, s.Provider, people.ProviderWords{LegalName: "North GmbH", InvoicePrefix: "NOR", AccountingZone: "Europe/Berlin", SupportContact: "help@north.example"})
		}},
	}
}

func TestSuspendedProvider(t *testing.T) {
	s := newSuspendedShop(t)
	ctx := t.Context()
	storetest.NoError(t, s.DB.People.SuspendProvider(ctx, s.Person, s.Provider, "unpaid fees"))
	for _, c := range s.growing(t) {
		r, ok := refusal.As(c.run())
		if !ok || r.Code != "suspended" || !strings.HasPrefix(r.Title, "North has been suspended since ") || !strings.HasSuffix(r.Title, ": unpaid fees") || !strings.Contains(r.Next, "Ask the people who run this Volary") {
			t.Errorf("%s while suspended: %v", c.name, r)
		}
	}
	for _, c := range s.ending(t) {
		if err := c.run(); err != nil {
			t.Errorf("%s while suspended: %v", c.name, err)
		}
	}
	storetest.NoError(t, s.DB.People.LiftProvider(ctx, s.Person, s.Provider))
	for _, c := range s.growing(t) {
		if err := c.run(); err != nil {
			t.Errorf("%s after the suspension: %v", c.name, err)
		}
	}
	// Ending what is sold is winding down, too.
	storetest.NoError(t, s.DB.People.SuspendProvider(ctx, s.Person, s.Provider, "unpaid fees"))
	storetest.NoError(t, s.DB.Books.EndOffer(ctx, s.by, s.Provider, s.Offer))
	storetest.NoError(t, s.DB.People.RevokeInvitation(ctx, people.Place{ProviderID: s.Provider}, s.by, s.invited))
	storetest.NoError(t, s.DB.People.RemoveStaff(ctx, s.by, s.Provider, s.Sid))
}

// Another provider's suspension is not one's own.
func TestAnotherProviderIsSuspended(t *testing.T) {
	s := newSuspendedShop(t)
	south := storetest.Must[uuid.UUID](t)(s.DB.People.CreateProvider(t.Context(), uuid.Nil, people.NewProvider{Name: "South", Currency: "USD", AccountingZone: "America/New_York"}))
	storetest.NoError(t, s.DB.People.SuspendProvider(t.Context(), s.Person, south, "unpaid fees"))
	for _, c := range s.growing(t) {
		if err := c.run(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// What comes while a suspension is being decided waits for it, and is refused.
func TestSuspendedProviderAtOnce(t *testing.T) {
	s := newSuspendedShop(t)
	ctx := t.Context()
	tx, err := s.Pool.Begin(ctx)
	storetest.NoError(t, err)
	defer tx.Rollback(ctx) //nolint:errcheck // it is committed below
	_, err = tx.Exec(ctx, `UPDATE providers SET state = 'suspended', state_reason = 'unpaid fees', decided_at = now() WHERE id = $1`, s.Provider)
	storetest.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.DB.Books.ApproveOrder(ctx, s.by, s.Provider, s.waiting) }()
	waittest.Until(t, "an approval to wait for the suspension", func() (waits bool) {
		select {
		case err := <-done:
			t.Fatalf("an approval did not wait for the suspension: %v", err)
		default:
			storetest.NoError(t, s.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits))
		}
		return waits
	})
	storetest.NoError(t, tx.Commit(ctx))
	storetest.WantRefusal(t, <-done, "suspended")
	if n := s.Count(`SELECT count(*) FROM invoices`); n != 0 {
		t.Errorf("%d invoices of a suspended provider", n)
	}
}

// A check that was asked for before the suspension boots no guests: nobody tries it again, the worker passes it over, and the host
// stays as its last check found it.
func TestSuspendedProviderIsNotChecked(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	storetest.NoError(t, w.DB.Machines.CheckHost(ctx, w.Person, w.Provider, w.Hosts[0]))
	job := jobOf(t, w, "check_host")
	if over := storetest.Must[bool](t)(w.DB.Machines.PassOverCheck(ctx, job.SubjectID)); over {
		t.Error("the check of a host whose provider sells was passed over")
	}
	storetest.NoError(t, w.DB.Overview.CancelJob(ctx, w.Person, w.Provider, job.ID))
	storetest.NoError(t, w.DB.People.SuspendProvider(ctx, w.Person, w.Provider, "unpaid fees"))
	for _, place := range []uuid.UUID{w.Provider, uuid.Nil} {
		storetest.WantRefusal(t, w.DB.Overview.RetryJob(ctx, w.Person, place, job.ID), "suspended")
	}
	w.Exec(t, `UPDATE hosts SET check_state = 'running', check_report = '[]'`)
	if over := storetest.Must[bool](t)(w.DB.Machines.PassOverCheck(ctx, w.Hosts[1])); !over {
		t.Error("the check of a suspended provider's host was not passed over")
	}
	h := storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, w.Hosts[1]))
	if h.CheckState != "passed" || len(h.CheckReport) != 1 || h.CheckReport[0].State != provisioner.CheckSkipped || !strings.Contains(h.CheckReport[0].Detail, "unpaid fees") {
		t.Errorf("its host: %s %+v", h.CheckState, h.CheckReport)
	}
}
