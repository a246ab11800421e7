package machines_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// hearers is a World with one person of every role of its organization and provider, and strangers: each is written to at an
// address that says who it is.
type hearers struct {
	*storetest.World
	of     map[string]uuid.UUID
	worker *machines.DB
}

func newHearers(t *testing.T) hearers {
	t.Helper()
	w := storetest.NewWorld(t)
	c := hearers{w, map[string]uuid.UUID{"ada": w.Person}, storetest.OpenAs(t, w.Pool, store.RoleWorker).Machines}
	for name, role := range map[string]people.OrganizationRole{
		"manager": people.RoleManager, "member": people.RoleMember, "bystander": people.RoleMember, "billing": people.RoleBilling,
		"auditor": people.RoleAuditor, "suspended": people.RoleOwner, "left": people.RoleOwner,
	} {
		c.of[name] = c.person(t, name)
		storetest.NoError(t, w.DB.People.AddMember(t.Context(), uuid.Nil, w.Organization, c.of[name], role))
	}
	for name, role := range map[string]people.StaffRole{
		"admin": people.StaffAdmin, "operator": people.StaffOperator, "accountant": people.StaffAccountant, "checker": people.StaffAuditor,
	} {
		c.of[name] = c.person(t, name)
		storetest.NoError(t, w.DB.People.AddStaff(t.Context(), uuid.Nil, w.Provider, c.of[name], role))
	}
	storetest.NoError(t, w.DB.People.RemoveMember(t.Context(), w.Organization, uuid.Nil, c.of["left"]))
	w.Exec(t, `UPDATE people SET suspended_at = now(), suspended_reason = 'an open invoice' WHERE id = $1`, c.of["suspended"])
	return c
}

func (c hearers) person(t *testing.T, name string) uuid.UUID {
	t.Helper()
	return storetest.Must[uuid.UUID](t)(c.DB.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: name + "@example.org", Name: name, Password: storetest.Password}))
}

// choose has a person choose one event's scope at the organization.
func (c hearers) choose(t *testing.T, name string, place uuid.UUID, event store.MailEvent, scope store.MailScope) {
	t.Helper()
	storetest.NoError(t, c.DB.People.ChooseMails(t.Context(), c.of[name], func(p uuid.UUID, e store.MailEvent) (store.MailScope, bool) {
		return scope, p == place && e == event
	}))
}

func (c hearers) want(t *testing.T, kind store.MailKind, names ...string) {
	t.Helper()
	var want []string
	for _, n := range names {
		want = append(want, n+"@example.org")
	}
	slices.Sort(want)
	if to := storetest.MailsTo(t, c.Pool, kind); !slices.Equal(to, want) {
		t.Errorf("%s to %q, want %q", kind, to, want)
	}
}

func (c hearers) launch(t *testing.T, by, name string, compute int) uuid.UUID {
	t.Helper()
	return storetest.Must[uuid.UUID](t)(c.DB.Machines.LaunchCluster(t.Context(), c.Organization, c.of[by], storetest.OneHour(c.World, name, compute)))
}

func (c hearers) data(t *testing.T, kind store.MailKind, key string) (value string) {
	t.Helper()
	storetest.MailNotices(t, c.Pool)
	storetest.NoError(t, c.Pool.QueryRow(t.Context(), `SELECT coalesce(data->>$2, '') FROM mails WHERE kind = $1 ORDER BY created_at DESC, id DESC LIMIT 1`, kind, key).Scan(&value))
	return value
}

// Who launched a cluster hears that it is ready, once; who chose all hears of every one; who chose none hears nothing.
func TestTellReady(t *testing.T) {
	c := newHearers(t)
	one := c.launch(t, "member", "one", 1)
	c.Ready(t, one)
	c.want(t, store.MailClusterReady, "member")
	if until := c.data(t, store.MailClusterReady, "until"); !strings.HasSuffix(until, " UTC") {
		t.Errorf("its lease ends at %q", until)
	}
	// The same event told again is one mail.
	c.Exec(t, `INSERT INTO notices SELECT person_id, event, subject_id, mark, kind, place_id, group_id, data, now(), now() FROM notices ON CONFLICT DO NOTHING`)
	c.want(t, store.MailClusterReady, "member")

	c.choose(t, "member", c.Organization, store.EventClusterReady, store.ScopeNone)
	for _, name := range []string{"ada", "auditor", "suspended"} {
		c.choose(t, name, c.Organization, store.EventClusterReady, store.ScopeAll)
	}
	c.Ready(t, c.launch(t, "member", "two", 0))
	c.want(t, store.MailClusterReady, "ada", "auditor", "member")
	// A choice for another place is none for this one.
	c.choose(t, "bystander", c.Provider, store.EventClusterReady, store.ScopeAll)
	// Billing may not see clusters, whatever is written in its name.
	c.Exec(t, `INSERT INTO mail_choices VALUES ($1, $2, 'cluster_ready', 'all')`, c.of["billing"], c.Organization)
	// Who leaves before the mail is made gets none.
	c.Ready(t, c.launch(t, "manager", "three", 0))
	storetest.NoError(t, c.DB.People.RemoveMember(t.Context(), c.Organization, c.of["ada"], c.of["manager"]))
	c.want(t, store.MailClusterReady, "ada", "ada", "auditor", "auditor", "member")
}

func TestTellFailedAndEnded(t *testing.T) {
	c := newHearers(t)
	ctx := t.Context()
	id := c.launch(t, "member", "one", 0)
	work := storetest.Must[machines.ClusterWork](t)(c.worker.ClusterForReconcile(ctx, id))
	storetest.NoError(t, c.worker.FailBatch(ctx, id, work.Generation, work.Nodes[0].Batch, provisioner.ReasonGateMissed, "head: no address"))
	storetest.NoError(t, c.worker.FailBatch(ctx, id, work.Generation, work.Nodes[0].Batch, provisioner.ReasonGateMissed, "head: no address"))
	c.want(t, store.MailClusterFailed, "member")
	if why := c.data(t, store.MailClusterFailed, "reason"); why != "not every node became ready in time: head: no address" {
		t.Errorf("why: %s", why)
	}
	// One's own deed is not told, another's is, with the name.
	own, others, over := c.launch(t, "member", "own", 0), c.launch(t, "member", "others", 0), c.launch(t, "member", "over", 0)
	storetest.NoError(t, c.DB.Machines.StopCluster(ctx, c.Organization, c.of["member"], own))
	c.want(t, store.MailClusterOver)
	storetest.NoError(t, c.DB.Machines.StopCluster(ctx, c.Organization, c.of["ada"], others))
	c.want(t, store.MailClusterOver, "member")
	if by := c.data(t, store.MailClusterOver, "by"); by != "Ada" {
		t.Errorf("by %q", by)
	}
	// The end of a lease is told once, and its deletion a day after not again.
	c.Ready(t, over)
	c.Exec(t, `UPDATE clusters SET lease_ends_at = now() WHERE id = $1`, over)
	storetest.Must[int](t)(c.worker.EndLeases(ctx))
	c.want(t, store.MailClusterOver, "member", "member")
	if why := c.data(t, store.MailClusterOver, "reason"); why != "lease ended" || c.data(t, store.MailClusterOver, "grace") != "1 day" {
		t.Errorf("why: %s", why)
	}
	c.Exec(t, `UPDATE clusters SET kept_until = now() WHERE id = $1`, over)
	storetest.Must[int](t)(c.worker.EndLeases(ctx))
	c.want(t, store.MailClusterOver, "member", "member")
}

// Nodes of one cluster that are lost one after the other are one mail, and so are hosts of one provider.
func TestTellLost(t *testing.T) {
	c := newHearers(t)
	ctx := t.Context()
	id := c.launch(t, "member", "one", 5)
	c.Ready(t, id)
	for range 3 {
		for _, h := range c.Hosts[:2] {
			storetest.Must[[]machines.HostClaim](t)(c.worker.ClaimHosts(ctx, "test", time.Minute))
			storetest.NoError(t, c.worker.RecordMissedRound(ctx, h, "test", "the host does not answer"))
		}
	}
	var lost int
	storetest.NoError(t, c.Pool.QueryRow(ctx, `SELECT count(*) FROM nodes WHERE cluster_id = $1 AND state = 'lost'`, id).Scan(&lost))
	if lost < 2 {
		t.Fatalf("%d nodes are lost", lost)
	}
	if n := storetest.Must[int](t)(storetest.OpenAs(t, c.Pool, store.RoleWorker).Core.MailNotices(ctx)); n != 1 {
		t.Errorf("%d mails before the time to gather is over, want the one of its readiness", n)
	}
	c.want(t, store.MailNodesLost, "member")
	if lines := c.data(t, store.MailNodesLost, "lines"); strings.Count(lines, "\n") != lost-1 || !strings.Contains(lines, "host does not answer") {
		t.Errorf("%d nodes: %s", lost, lines)
	}
	c.want(t, store.MailHostLost, "admin", "operator")
	if lines := c.data(t, store.MailHostLost, "lines"); !strings.Contains(lines, "host-1") || !strings.Contains(lines, "host-2") {
		t.Errorf("hosts: %s", lines)
	}
	// A host that stays silent is not told of again; one that answered and falls silent anew is.
	miss := func(times int) {
		for range times {
			storetest.NoError(t, c.worker.RecordMissedRound(ctx, c.Hosts[0], "test", "the host does not answer"))
		}
	}
	miss(5)
	c.want(t, store.MailHostLost, "admin", "operator")
	c.choose(t, "operator", c.Provider, store.EventHostLost, store.ScopeNone)
	c.Observe(t, c.Hosts[0])
	miss(3)
	c.want(t, store.MailHostLost, "admin", "admin", "operator")
}

func TestTellLeaseEnds(t *testing.T) {
	c := newHearers(t)
	tell := func(want int) {
		t.Helper()
		for _, n := range []int{want, 0} { // a second look tells nothing
			if got := storetest.Must[int](t)(c.worker.TellLeaseEnds(t.Context())); got != n {
				t.Errorf("told of %d leases, want %d", got, n)
			}
		}
	}
	id := c.launch(t, "member", "one", 0)
	tell(0) // not ready: no lease yet
	c.Ready(t, id)
	lease := func(whole, left string) {
		c.Exec(t, `UPDATE clusters SET lease_seconds = extract(epoch FROM $2::interval), lease_ends_at = now() + $3::interval WHERE id = $1`, id, whole, left)
	}
	for _, l := range []struct {
		whole, left string
		told        int
	}{
		{"3 days", "25 hours", 0},
		{"3 days", "23 hours", 1},
		{"3 days", "50 minutes", 1},
		{"3 days", "9 minutes 30 seconds", 1},
		{"30 hours", "20 hours", 1}, // whole minutes apart: an end that moves within its minute is told of once
		{"24 hours", "23 hours", 0},
		{"2 hours", "59 minutes", 1},
		{"2 hours", "7 minutes", 1},
		{"1 hour", "50 minutes", 0},
		{"1 hour", "4 minutes", 1},
		{"10 minutes", "5 minutes", 0},
		{"3 days", "-1 minute", 0},
	} {
		lease(l.whole, l.left)
		tell(l.told)
	}
	// One after the other, of one lease that ends at the same time.
	c.want(t, store.MailLeaseEnds, "member", "member", "member", "member", "member", "member", "member")
	if left := c.data(t, store.MailLeaseEnds, "left"); left != "4 minutes" {
		t.Errorf("in %s", left)
	}
	// Extended it is told of anew.
	lease("3 days", "22 hours")
	tell(1)
	c.Exec(t, `UPDATE nodes SET desired = 'stopped' WHERE cluster_id = $1`, id)
	c.Exec(t, `UPDATE clusters SET desired = 'stopped' WHERE id = $1`, id)
	lease("3 days", "21 hours")
	tell(0)
}

func TestTellTestEnded(t *testing.T) {
	c := newHearers(t)
	ctx := t.Context()
	test := storetest.Must[uuid.UUID](t)(c.DB.Machines.StartAcceptanceTest(ctx, c.Organization, c.of["member"], c.Version, c.PoolID))
	worker := storetest.OpenAs(t, c.Pool, store.RoleWorker).Models
	report := provisioner.Report{Checks: []provisioner.ReportCheck{{Title: "Every node takes its address by DHCP", Result: provisioner.ResultFailed}}}
	for range 2 {
		storetest.NoError(t, worker.FinishAcceptanceTest(ctx, test, false, report))
	}
	c.want(t, store.MailTestEnded, "member")
	if lines := c.data(t, store.MailTestEnded, "lines"); lines != "Every node takes its address by DHCP" || c.data(t, store.MailTestEnded, "outcome") != "failed" {
		t.Errorf("why: %s", lines)
	}
	c.want(t, store.MailClusterOver) // its cluster is the test's
	c.Exec(t, `UPDATE nodes SET desired = 'gone', state = 'gone', image_id = NULL`)
	storetest.Must[uuid.UUID](t)(c.DB.Machines.StartAcceptanceTest(ctx, c.Organization, c.of["manager"], c.Version, c.PoolID))
	c.Exec(t, `UPDATE acceptance_tests SET begun_at = now() - interval '2 hours' WHERE state = 'running'`)
	storetest.Must[int](t)(c.worker.EndLeases(ctx))
	c.want(t, store.MailTestEnded, "manager", "member")
}
