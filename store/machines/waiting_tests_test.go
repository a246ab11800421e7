package machines_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// queuer starts tests of several organizations on one pool, whose share has room for one.
type queuer struct {
	*storetest.World
	t      *testing.T
	orgs   map[uuid.UUID]uuid.UUID // their models
	person uuid.UUID
	made   int
}

func newQueuer(t *testing.T) *queuer {
	w := storetest.NewWorld(t)
	return &queuer{World: w, t: t, orgs: map[uuid.UUID]uuid.UUID{w.Organization: w.Model}, person: w.Person}
}

// organization is one more in which Ada works.
func (q *queuer) organization(name string) uuid.UUID {
	q.t.Helper()
	id := storetest.Must[uuid.UUID](q.t)(q.DB.People.CreateOrganization(q.t.Context(), uuid.Nil, name))
	storetest.NoError(q.t, q.DB.People.AddMember(q.t.Context(), uuid.Nil, id, q.person, people.RoleOwner))
	q.orgs[id] = storetest.Must[uuid.UUID](q.t)(q.DB.Models.CreateModelCluster(q.t.Context(), id, q.person, "trial"))
	return id
}

// start starts a test of a version of its own.
func (q *queuer) start(org uuid.UUID) uuid.UUID {
	q.t.Helper()
	q.made++
	image := q.AddImage(q.t, org, q.person)
	version := q.Publish(q.t, org, q.orgs[org], image, "q"+strings.Repeat("i", q.made))
	return storetest.Must[uuid.UUID](q.t)(q.DB.Machines.StartAcceptanceTest(q.t.Context(), org, q.person, version, q.PoolID))
}

func (q *queuer) test(id uuid.UUID) models.AcceptanceTest {
	q.t.Helper()
	return storetest.Must[models.AcceptanceTest](q.t)(q.DB.Models.TestForWorker(q.t.Context(), id))
}

// end ends a test and its machines, and begins what may begin then, as the worker does.
func (q *queuer) end(id uuid.UUID) {
	q.t.Helper()
	storetest.NoError(q.t, q.DB.Models.FinishAcceptanceTest(q.t.Context(), id, false, provisioner.Report{}))
	storetest.NoError(q.t, q.DB.Machines.MarkNodesGone(q.t.Context(), q.test(id).ClusterID))
	q.begin()
}

func (q *queuer) begin() {
	q.t.Helper()
	storetest.Must[int](q.t)(storetest.OpenAs(q.t, q.Pool, store.RoleWorker).Machines.BeginWaitingTests(q.t.Context()))
}

func (q *queuer) want(id uuid.UUID, state models.TestState, place int) {
	q.t.Helper()
	if got := q.test(id); got.State != state || got.Place != place || (got.WaitsFor != "") != (state == models.TestWaiting) || (got.ClusterID == uuid.Nil) != (state == models.TestWaiting) {
		q.t.Errorf("the test is %s at place %d, waits for %q and has cluster %s; want %s at %d", got.State, got.Place, got.WaitsFor, got.ClusterID, state, place)
	}
}

// TestTestsTakeTurns has one organization queue three tests before another queues one: that one comes after the first.
func TestTestsTakeTurns(t *testing.T) {
	q := newQueuer(t)
	a, b := q.Organization, q.organization("Beryl")
	a1, a2, a3, b1 := q.start(a), q.start(a), q.start(a), q.start(b)
	q.want(a1, models.TestRunning, 0)
	if got := q.test(a2); !strings.Contains(got.WaitsFor, "3 vCPUs are needed, 1 of the pool's 4 set aside for acceptance tests are free") || got.BegunAt != nil || got.LimitSeconds != 0 {
		t.Errorf("the second test %+v", got)
	}
	q.begin()
	q.want(b1, models.TestWaiting, 1)
	q.want(a2, models.TestWaiting, 2)
	q.want(a3, models.TestWaiting, 3)
	wantJobs(t, q.World, "run_acceptance", 1)
	q.end(a1)
	q.want(b1, models.TestRunning, 0)
	q.want(a2, models.TestWaiting, 1)
	q.want(a3, models.TestWaiting, 2)
	q.end(b1)
	q.want(a2, models.TestRunning, 0)
	wantJobs(t, q.World, "run_acceptance", 3)
	if got := q.test(a2); got.BegunAt == nil || got.BegunAt.Before(got.CreatedAt) || got.LimitSeconds == 0 || len(work(t, q.World, got.ClusterID).Nodes) != 3 {
		t.Errorf("a test that waited %+v", got)
	}
}

// TestHeldTestsLetOthersPass has an organization that runs its most passed by, and no other.
func TestHeldTestsLetOthersPass(t *testing.T) {
	q := newQueuer(t)
	q.Exec(t, `UPDATE pools SET test_vcpus = 12`)
	a, b := q.Organization, q.organization("Beryl")
	first := q.start(a)
	q.start(a)
	q.start(a)
	fourth := q.start(a)
	q.want(fourth, models.TestWaiting, 1)
	if got := q.test(fourth).WaitsFor; got != "Your organization runs 3 acceptance tests now, which is the most at a time." {
		t.Errorf("it waits for %q", got)
	}
	passing := q.start(b)
	q.want(passing, models.TestRunning, 0)
	q.end(first)
	q.want(fourth, models.TestRunning, 0)
}

// TestWaitingTestsEnd has tests cancelled, or become impossible, while they wait.
func TestWaitingTestsEnd(t *testing.T) {
	q := newQueuer(t)
	ctx := t.Context()
	first, cancelled, late, idle := q.start(q.Organization), q.start(q.Organization), q.start(q.Organization), q.start(q.organization("Beryl"))
	storetest.NoError(t, q.DB.Models.CancelAcceptanceTest(ctx, q.Organization, q.Person, cancelled))
	got := q.test(cancelled)
	if got.State != models.TestCancelled || got.EndedWhy != "It was cancelled by a member." || got.EndedAt == nil || got.Place != 0 || got.ClusterID != uuid.Nil || len(got.Report.Checks) != 0 {
		t.Errorf("a test that was cancelled while it waited %+v", got)
	}
	storetest.WantRefusal(t, q.DB.Models.CancelAcceptanceTest(ctx, q.Organization, q.Person, cancelled), "state")
	q.Exec(t, `UPDATE acceptance_tests SET created_at = now() - interval '25 hours' WHERE id = $1`, late)
	q.Exec(t, `UPDATE organizations SET suspended_at = now(), suspended_reason = 'its papers' WHERE name = 'Beryl'`)
	q.begin()
	if got := q.test(late); got.State != models.TestCancelled || !strings.HasPrefix(got.EndedWhy, "It did not begin within 24 h: ") {
		t.Errorf("a test that waited for a day %+v", got)
	}
	if got := q.test(idle); got.State != models.TestCancelled || !strings.Contains(got.EndedWhy, "Beryl has been suspended") && !strings.Contains(got.EndedWhy, "suspended") {
		t.Errorf("a test of a suspended organization %+v", got)
	}
	q.want(first, models.TestRunning, 0)
	storetest.NoError(t, q.DB.Models.CancelAcceptanceTest(ctx, q.Organization, q.Person, first))
	if got := q.test(first); got.State != models.TestCancelled || work(t, q.World, got.ClusterID).Desired != provisioner.DesiredGone {
		t.Errorf("a test that was cancelled while it ran %+v", got)
	}
}

// TestWaitingTestsAreBounded refuses more of an organization than may wait, a second of a version, and what would wait in vain.
func TestWaitingTestsAreBounded(t *testing.T) {
	q := newQueuer(t)
	ctx := t.Context()
	for range 11 {
		q.start(q.Organization)
	}
	_, err := q.DB.Machines.StartAcceptanceTest(ctx, q.Organization, q.Person, q.Version, q.PoolID)
	if r := storetest.WantRefusal(t, err, "test_limit"); r.Title != "Of your organization 10 acceptance tests wait, which is the most." {
		t.Errorf("refusal %q", r.Title)
	}
	other := q.organization("Beryl")
	waits := q.test(q.start(other))
	_, err = q.DB.Machines.StartAcceptanceTest(ctx, other, q.Person, waits.VersionID, q.PoolID)
	storetest.WantRefusal(t, err, "test_limit")
	storetest.WantRefusal(t, q.DB.Models.WithdrawVersion(ctx, other, q.Person, waits.VersionID), "version_used")
	q.Exec(t, `UPDATE hosts SET state = 'cordoned', state_reason = 'moved'`)
	version := q.Publish(t, other, q.orgs[other], q.AddImage(t, other, q.Person), "vain")
	_, err = q.DB.Machines.StartAcceptanceTest(ctx, other, q.Person, version, q.PoolID)
	storetest.WantRefusal(t, err, "capacity")
	q.Exec(t, `UPDATE acceptance_tests SET created_at = created_at - make_interval(secs => $1)`, time.Hour.Seconds())
	q.begin() // no host takes nodes: all wait on
	q.want(waits.ID, models.TestWaiting, 1)
}
