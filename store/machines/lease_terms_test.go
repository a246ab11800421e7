package machines_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// A lease until a date ends then, whenever it begins; what is past or too far is refused by the provider's clocks, with the numbers.
func TestLeaseUntilADate(t *testing.T) {
	c := newClocked(t, noon)
	ctx := t.Context()
	request := func(until time.Time) machines.LaunchRequest {
		r := storetest.OneHour(c.World, "dated", 1)
		r.Terms.Until = &until
		return r
	}
	refused := func(until time.Time, words ...string) {
		t.Helper()
		_, err := c.DB.Machines.LaunchCluster(ctx, c.Organization, c.Person, request(until))
		r := storetest.WantRefusal(t, err, "invalid")
		q := storetest.Must[machines.Quote](t)(c.DB.Machines.Quote(ctx, c.Organization, request(until)))
		for _, w := range words {
			if !strings.Contains(r.Fields["lease"], w) || q.Refusal == nil || q.Refusal.Fields["lease"] != r.Fields["lease"] {
				t.Errorf("until %s: %q, quoted %+v, want %q", until, r.Fields["lease"], q.Refusal, w)
			}
		}
	}
	refused(noon, "26 March 2027 13:00 CET is past", "it is 26 March 2027 13:00 CET now")
	refused(noon.Add(-48*time.Hour), "24 March 2027 13:00 CET is past")
	refused(noon.Add(30*time.Second), "takes 1 min to 720 h; 30 s was given")
	refused(noon.Add(721*time.Hour), "Until 25 April 2027 15:00 CEST", "1 min to 720 h; 721 h was given")

	until := time.Date(2027, 3, 27, 23, 0, 0, 0, time.UTC) // 35 hours
	q := storetest.Must[machines.Quote](t)(c.DB.Machines.Quote(ctx, c.Organization, request(until)))
	id := storetest.Must[uuid.UUID](t)(c.DB.Machines.LaunchCluster(ctx, c.Organization, c.Person, request(until)))
	if d := storetest.Cluster(t, c.World, id); q.Need != 70*billing.ComputeHour || q.Lease.Seconds != 35*3600 || d.Held != q.Need || d.LeaseSeconds != 35*3600 || !d.Until.Equal(until) {
		t.Fatalf("quoted %+v, launched %+v", q, d)
	}
	c.pass(20 * time.Minute)
	c.Ready(t, id)
	if d := storetest.Cluster(t, c.World, id); !d.LeaseEndsAt.Equal(until) {
		t.Fatalf("it ends at %s", d.LeaseEndsAt)
	}

	later := func(at time.Time) (int64, error) {
		return c.DB.Machines.ExtendLeaseUntil(ctx, c.Organization, c.Person, id, at)
	}
	for at, words := range map[time.Time]string{
		until:                       "The lease ends at 28 March 2027 00:00 CET as it is: choose a later end",
		noon:                        "is past",
		until.Add(30 * time.Second): "1 min to 685 h; 30 s was given",
		until.Add(686 * time.Hour):  "1 min to 685 h; 686 h was given",
	} {
		_, err := later(at)
		if r := storetest.WantRefusal(t, err, "invalid"); !strings.Contains(r.Fields["lease"], words) {
			t.Errorf("until %s: %v", at, r.Fields)
		}
	}
	_, err := later(until.Add(20 * time.Hour))
	storetest.WantRefusal(t, err, "balance")
	if add := storetest.Must[int64](t)(later(until.Add(90 * time.Minute))); add != 5400 {
		t.Errorf("longer by %d s", add)
	}
	if d := storetest.Cluster(t, c.World, id); d.LeaseEndsAt.Sub(until) != 90*time.Minute || d.Held != 73*billing.ComputeHour {
		t.Errorf("extended %+v", d)
	}
	// The hours of one that starts have no end yet.
	fresh := c.launch("fresh", 0, 3600, machines.LeaseTerms{})
	_, err = c.DB.Machines.ExtendLeaseUntil(ctx, c.Organization, c.Person, fresh, until)
	storetest.WantRefusal(t, err, "state")
}

// One that becomes ready after its date costs nothing, and ends at once.
func TestReadyAfterItsDate(t *testing.T) {
	c := newClocked(t, noon)
	until := noon.Add(time.Minute)
	id := c.launch("late", 0, 0, machines.LeaseTerms{Until: &until, AtEnd: machines.AtEndDelete})
	c.pass(2 * time.Minute)
	c.Ready(t, id)
	c.seen(id)
	c.end(1)
	storetest.NoError(t, c.DB.Machines.MarkNodesGone(t.Context(), id))
	if d := storetest.Cluster(t, c.World, id); d.Used != 0 || d.Held != 0 || d.State != provisioner.ClusterGone || left(t, c.World) != 100*billing.ComputeHour {
		t.Errorf("%+v, %s left", d, left(t, c.World))
	}
	c.whole()
}

// What becomes of a cluster at its end is chosen at launch and changed while it runs, within what its provider keeps.
func TestWhatIsKept(t *testing.T) {
	c := newClocked(t, noon)
	ctx := t.Context()
	ten := 10
	storetest.WantRefusal(t, c.DB.Machines.SetKeptDisks(ctx, c.Person, c.Provider, machines.KeptDisksRule{Days: 366}), "invalid")
	storetest.WantRefusal(t, c.DB.Machines.SetKeptDisks(ctx, c.Person, uuid.New(), machines.KeptDisksRule{Days: 1}), "not_found")
	storetest.NoError(t, c.DB.Machines.SetKeptDisks(ctx, c.Person, c.Provider, machines.KeptDisksRule{Days: 7, GiB: &ten}))
	request := func(name string, compute int, t machines.LeaseTerms) machines.LaunchRequest {
		r := storetest.OneHour(c.World, name, compute)
		r.Terms = t
		return r
	}
	launch := func(r machines.LaunchRequest) (uuid.UUID, error) {
		return c.DB.Machines.LaunchCluster(ctx, c.Organization, c.Person, r)
	}
	_, err := launch(request("long", 0, machines.LeaseTerms{KeepDays: 8}))
	if r := storetest.WantRefusal(t, err, "invalid"); !strings.Contains(r.Fields["keep_days"], "1 to 7 days; 8 was given") {
		t.Errorf("8 days: %v", r.Fields)
	}
	first := storetest.Must[uuid.UUID](t)(launch(request("first", 3, machines.LeaseTerms{KeepDays: 7}))) // 8 GiB
	_, err = launch(request("second", 1, machines.LeaseTerms{}))
	r := storetest.WantRefusal(t, err, "invalid")
	if s := r.Fields["at_end"]; !strings.Contains(s, "at most 10 GiB") || !strings.Contains(s, "8 GiB of those that run are promised, and this cluster has 4 GiB") {
		t.Errorf("beyond what is kept: %v", r.Fields)
	}
	var refused *machines.LaunchRefused
	if !errors.As(err, &refused) || refused.Quote == nil || refused.Quote.Lease.DiskGiB != 4 {
		t.Errorf("the page of the refusal has %+v", refused)
	}
	second := storetest.Must[uuid.UUID](t)(launch(request("second", 1, machines.LeaseTerms{AtEnd: machines.AtEndDelete})))
	set := func(id uuid.UUID, t machines.LeaseTerms) error {
		return c.DB.Machines.SetLeaseTerms(ctx, c.Organization, c.Person, id, t)
	}
	if r := storetest.WantRefusal(t, set(second, machines.LeaseTerms{AtEnd: machines.AtEndKeep}), "invalid"); !strings.Contains(r.Fields["at_end"], "at most 10 GiB") {
		t.Errorf("kept after all: %v", r.Fields)
	}
	storetest.WantRefusal(t, set(first, machines.LeaseTerms{KeepDays: 8}), "invalid")
	storetest.NoError(t, set(first, machines.LeaseTerms{KeepDays: 3}))
	c.Ready(t, first)
	c.Ready(t, second)
	c.pass(time.Hour)
	c.end(2)
	stopped(t, c.World, first)
	one, other := storetest.Cluster(t, c.World, first), storetest.Cluster(t, c.World, second)
	if one.Desired != provisioner.DesiredStopped || one.KeptUntil.Sub(c.now) != 72*time.Hour || other.Desired != provisioner.DesiredGone || other.Reason != provisioner.ReasonLeaseEnded {
		t.Errorf("at their ends %+v and %+v", one, other)
	}
	list := storetest.Must[[]machines.KeptDisks](t)(c.DB.Machines.KeptDisks(ctx, c.Organization))
	at := storetest.Must[machines.KeptDisks](t)(c.DB.Machines.KeptDisksAt(ctx, c.Provider, c.Organization))
	if len(list) != 1 || list[0].Lying != 8 || list[0].Clusters != 1 || list[0].Promised != 0 || at.Lying != 8 || *at.Left() != 2 || at.Days != 7 {
		t.Errorf("kept %+v, at its provider %+v", list, at)
	}
	storetest.WantRefusal(t, set(first, machines.LeaseTerms{}), "state")
	_, err = launch(request("third", 1, machines.LeaseTerms{}))
	if r := storetest.WantRefusal(t, err, "invalid"); !strings.Contains(r.Fields["at_end"], "8 GiB of stopped clusters lie there") {
		t.Errorf("beside what lies: %v", r.Fields)
	}
	// Before it is deleted that is told, by mails of its own.
	c.pass(48*time.Hour + time.Second)
	for _, n := range []int{1, 0} {
		if got := storetest.Must[int](t)(c.DB.Machines.TellLeaseEnds(ctx)); got != n {
			t.Errorf("told of %d, want %d", got, n)
		}
	}
	var notices int
	storetest.NoError(t, c.Pool.QueryRow(ctx, `SELECT count(*) FROM notices WHERE kind = $1`, store.MailDisksEnd).Scan(&notices))
	if notices != 1 {
		t.Errorf("%d notices of disks", notices)
	}
	// Within the time it is started with another end.
	until := c.now.Add(2 * time.Hour)
	storetest.NoError(t, c.DB.Machines.StartUntil(ctx, c.Organization, c.Person, first, 0, machines.LeaseTerms{Until: &until}))
	if d := storetest.Cluster(t, c.World, first); d.KeptUntil != nil || d.KeepDays != 3 || d.LeaseSeconds != 7200 || d.Held != 8*billing.ComputeHour {
		t.Errorf("started until a date %+v", d)
	}
	past := c.now.Add(-time.Second)
	storetest.NoError(t, c.DB.Machines.StopCluster(ctx, c.Organization, c.Person, first))
	stopped(t, c.World, first)
	storetest.WantRefusal(t, c.DB.Machines.StartUntil(ctx, c.Organization, c.Person, first, 0, machines.LeaseTerms{Until: &past}), "invalid")
}

// Whoever has a cap asks for the hours of a lease that would extend itself as for others, and a request keeps how its lease ends.
func TestTermsKeepToCaps(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo := storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, bo, 3)
	others := w.Launch(t, "others", 0)
	err := w.DB.Machines.SetLeaseTerms(ctx, w.Organization, bo, others, machines.LeaseTerms{UntilStopped: true})
	storetest.WantRefusal(t, err, "cap")
	r := storetest.OneHour(w, "mine", 1)
	r.Terms = machines.LeaseTerms{UntilStopped: true, KeepDays: 5}
	_, err = w.DB.Machines.LaunchCluster(ctx, w.Organization, bo, r)
	if f, _ := refusal.As(err); f == nil || f.Code != "cap" || !strings.Contains(f.Title, "takes 4") {
		t.Fatalf("launched beyond the cap: %v", err)
	}
	asked := storetest.Must[uuid.UUID](t)(w.DB.Machines.RequestLaunch(ctx, w.Organization, bo, r))
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.ApproveRequest(ctx, w.Organization, w.Person, asked))
	if d := storetest.Cluster(t, w, id); !d.UntilStopped || d.KeepDays != 5 || d.LeaseSeconds != 7200 {
		t.Errorf("approved %+v", d)
	}
	w.Ready(t, id)
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, bo, id))
	stopped(t, w, id)
	until := time.Now().Add(30 * time.Hour)
	asked = storetest.Must[uuid.UUID](t)(w.DB.Machines.RequestStart(ctx, w.Organization, bo, id, 0, machines.LeaseTerms{Until: &until, AtEnd: machines.AtEndDelete}))
	storetest.Must[uuid.UUID](t)(w.DB.Machines.ApproveRequest(ctx, w.Organization, w.Person, asked))
	if d := storetest.Cluster(t, w, id); d.UntilStopped || d.AtEnd != machines.AtEndDelete || d.Until == nil || !d.Until.Equal(until.Truncate(time.Microsecond)) {
		t.Errorf("the start that was approved: %+v", d)
	}
}
