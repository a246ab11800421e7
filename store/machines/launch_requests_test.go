package machines_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner/placement"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	"volary.dev/store/storetest"
)

// asked is a World whose member Bo, with a cap of 1 h, asked for a cluster of two nodes for an hour.
func asked(t *testing.T) (w *storetest.World, bo, request uuid.UUID) {
	t.Helper()
	w = storetest.NewWorld(t)
	bo = storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, bo, 1)
	request, err := w.DB.Machines.RequestLaunch(t.Context(), w.Organization, bo, storetest.OneHour(w, "asked", 1))
	if err != nil {
		t.Fatal(err)
	}
	return w, bo, request
}

func TestRequestSaysWhatADecisionRestsOn(t *testing.T) {
	w, bo, id := asked(t)
	list, total, need, err := w.DB.Overview.LaunchRequests(t.Context(), w.Organization, overview.LaunchRequestFilter{State: "waiting", Search: "ask"})
	if err != nil || total != 1 || need != 2*billing.ComputeHour {
		t.Fatalf("%d requests of %s, %v; want one of 2 h", total, need, err)
	}
	r := list[0]
	if r.ID != id || r.PersonID != bo || r.Name != "asked" || r.Nodes != 2 || r.Cap == nil || r.Cap.Left() != billing.ComputeHour ||
		r.Left != 100*billing.ComputeHour || r.When != placement.WhenNow {
		t.Errorf("request %+v, cap %+v", r, r.Cap)
	}
	if f, err := w.DB.Overview.FrameFacts(t.Context(), overview.FrameNeeds{Requests: w.Organization}); f.Requests != 1 || err != nil {
		t.Errorf("%d wait, %v", f.Requests, err)
	}
	for name, f := range map[string]overview.LaunchRequestFilter{
		"another's": {Person: w.Person}, "decided": {State: "approved"}, "another name": {Search: "%"}, "behind": {Page: store.Page{Offset: 50}},
	} {
		if list, _, _, err := w.DB.Overview.LaunchRequests(t.Context(), w.Organization, f); len(list) != 0 || err != nil {
			t.Errorf("%s: %d rows, %v", name, len(list), err)
		}
	}
	if _, total, _, _ := w.DB.Overview.LaunchRequests(t.Context(), w.Organization, overview.LaunchRequestFilter{Page: store.Page{Offset: 50}}); total != 1 {
		t.Errorf("behind the end the total is %d, want 1", total)
	}
	if list, _, _, err := w.DB.Overview.LaunchRequests(t.Context(), uuid.New(), overview.LaunchRequestFilter{}); len(list) != 0 || err != nil {
		t.Errorf("another organization sees %d, %v", len(list), err)
	}
	if n := mailsOf(t, w, "request_waiting"); n != 1 {
		t.Errorf("%d mails to managers, want 1", n)
	}
}

// A request whose base image has no room on any host is not said to start now: approving it would be refused.
func TestARequestCountsItsBaseImages(t *testing.T) {
	w, bo, id := asked(t)
	w.Exec(t, `UPDATE images SET canonical_size = $2 WHERE id = $1`, w.Image, 98*gib+1) // a host has 100 GiB, a node takes 2
	r := storetest.Must[overview.LaunchRequestRow](t)(w.DB.Overview.LaunchRequest(t.Context(), w.Organization, bo, id))
	_, err := w.DB.Machines.ApproveRequest(t.Context(), w.Organization, w.Person, id)
	storetest.WantCode(t, err, "capacity")
	if r.When == placement.WhenNow || r.When == placement.WhenClosed || len(r.Short) == 0 {
		t.Errorf("room: %q, short of %+v", r.When, r.Short)
	}
}

func mailsOf(t *testing.T, w *storetest.World, kind string) (n int) {
	t.Helper()
	storetest.MailNotices(t, w.Pool)
	if err := w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM mails WHERE kind = $1`, kind).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestApprovingLaunchesInTheNameOfWhoAsked(t *testing.T) {
	w, bo, id := asked(t)
	cluster, err := w.DB.Machines.ApproveRequest(t.Context(), w.Organization, w.Person, id)
	if err != nil {
		t.Fatal(err)
	}
	d, err := w.DB.Machines.Cluster(t.Context(), w.Organization, cluster)
	if err != nil || d.Name != "asked" || d.PersonName != "bo@example.org" || d.Nodes != 2 {
		t.Errorf("cluster %q of %q with %d nodes, %v", d.Name, d.PersonName, d.Nodes, err)
	}
	r, err := w.DB.Overview.LaunchRequest(t.Context(), w.Organization, bo, id)
	if err != nil || r.State != "approved" || r.DecidedBy != "Ada" || r.ClusterID == nil || *r.ClusterID != cluster {
		t.Errorf("request %+v, %v", r, err)
	}
	if c := storetest.CapOf(t, w, bo); c.Spent != 2*billing.ComputeHour || c.Left() != 0 {
		t.Errorf("cap %+v; what was approved counts", c)
	}
	_, err = w.DB.Machines.ApproveRequest(t.Context(), w.Organization, w.Person, id)
	storetest.WantCode(t, err, "decided")
	storetest.WantCode(t, w.DB.Machines.DeclineRequest(t.Context(), w.Organization, w.Person, id, "no"), "decided")
	storetest.WantCode(t, w.DB.Machines.WithdrawRequest(t.Context(), w.Organization, bo, id), "decided")
	if n := mailsOf(t, w, "request_decided"); n != 1 {
		t.Errorf("%d mails to who asked, want 1", n)
	}
}

func TestTwoManagersAtOnceLaunchOnce(t *testing.T) {
	w, _, id := asked(t)
	var group sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		group.Go(func() { _, errs[i] = w.DB.Machines.ApproveRequest(t.Context(), w.Organization, w.Person, id) })
	}
	group.Wait()
	launched := 0
	for _, err := range errs {
		if err == nil {
			launched++
			continue
		}
		storetest.WantCode(t, err, "decided")
	}
	var clusters int
	if err := w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM clusters`).Scan(&clusters); err != nil {
		t.Fatal(err)
	}
	if launched != 1 || clusters != 1 {
		t.Errorf("%d approvals went through and made %d clusters, want one", launched, clusters)
	}
}

func TestWhatCannotBeLaunchedStaysWaiting(t *testing.T) {
	w, bo, id := asked(t)
	w.Exec(t, `UPDATE hosts SET state = 'cordoned'`)
	_, err := w.DB.Machines.ApproveRequest(t.Context(), w.Organization, w.Person, id)
	storetest.WantCode(t, err, "capacity")
	w.Exec(t, `UPDATE hosts SET state = 'active'`)
	w.Exec(t, `UPDATE people SET suspended_at = now(), suspended_reason = 'away' WHERE id = $1`, bo)
	_, err = w.DB.Machines.ApproveRequest(t.Context(), w.Organization, w.Person, id)
	storetest.WantCode(t, err, "left")
	w.Exec(t, `UPDATE people SET suspended_at = NULL, suspended_reason = '' WHERE id = $1`, bo)
	w.Exec(t, `UPDATE providers SET state = 'suspended', state_reason = 'unpaid'`)
	_, err = w.DB.Machines.ApproveRequest(t.Context(), w.Organization, w.Person, id)
	storetest.WantCode(t, err, "not_found")
	w.Exec(t, `UPDATE providers SET state = 'active'`)
	r, err := w.DB.Overview.LaunchRequest(t.Context(), w.Organization, uuid.Nil, id)
	if err != nil || r.State != "waiting" {
		t.Fatalf("request %q, %v; want it waiting", r.State, err)
	}
	if _, err = w.DB.Machines.ApproveRequest(t.Context(), w.Organization, w.Person, id); err != nil {
		t.Error(err)
	}
}

func TestDeclineAndWithdraw(t *testing.T) {
	w, bo, id := asked(t)
	ctx := t.Context()
	storetest.WantCode(t, w.DB.Machines.DeclineRequest(ctx, w.Organization, w.Person, id, " "), "invalid")
	storetest.WantCode(t, w.DB.Machines.WithdrawRequest(ctx, w.Organization, w.Person, id), "not_found") // not theirs
	if err := w.DB.Machines.DeclineRequest(ctx, w.Organization, w.Person, id, "Not this month."); err != nil {
		t.Fatal(err)
	}
	second, err := w.DB.Machines.RequestLaunch(ctx, w.Organization, bo, storetest.OneHour(w, "asked", 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.DB.Machines.WithdrawRequest(ctx, w.Organization, bo, second); err != nil {
		t.Fatal(err)
	}
	for request, want := range map[uuid.UUID]string{id: "declined", second: "withdrawn"} {
		if r, err := w.DB.Overview.LaunchRequest(ctx, w.Organization, bo, request); err != nil || r.State != want {
			t.Errorf("request is %q, %v; want %q", r.State, err, want)
		}
	}
}

func TestRequestRefusals(t *testing.T) {
	w, bo, id := asked(t)
	ctx, other := t.Context(), uuid.New()
	ask := func(by uuid.UUID, r machines.LaunchRequest) error {
		_, err := w.DB.Machines.RequestLaunch(ctx, w.Organization, by, r)
		return err
	}
	storetest.WantCode(t, ask(bo, storetest.OneHour(w, "asked", 1)), "duplicate")
	storetest.WantCode(t, ask(bo, storetest.OneHour(w, "small", 0)), "state")       // within the cap
	storetest.WantCode(t, ask(w.Person, storetest.OneHour(w, "owner", 3)), "state") // no cap
	storetest.WantCode(t, ask(bo, storetest.OneHour(w, "Large", 1)), "invalid")
	w.Launch(t, "taken", 0)
	storetest.WantCode(t, ask(bo, storetest.OneHour(w, "taken", 1)), "duplicate")
	for n := range 19 {
		if err := ask(bo, storetest.OneHour(w, "more-"+string(rune('a'+n)), 1)); err != nil {
			t.Fatal(err)
		}
	}
	storetest.WantCode(t, ask(bo, storetest.OneHour(w, "one-more", 1)), "requests")
	_, err := w.DB.Machines.ApproveRequest(ctx, other, w.Person, id)
	storetest.WantCode(t, err, "not_found")
	storetest.WantCode(t, w.DB.Machines.DeclineRequest(ctx, other, w.Person, id, "no"), "not_found")
	storetest.WantCode(t, w.DB.Machines.WithdrawRequest(ctx, other, bo, id), "not_found")
	_, err = w.DB.Overview.LaunchRequest(ctx, w.Organization, w.Person, id)
	storetest.WantCode(t, err, "not_found")
}

func TestRequestStart(t *testing.T) {
	w := storetest.NewWorld(t)
	bo := storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, bo, 1)
	cluster := w.Launch(t, "resting", 1)
	_, err := w.DB.Machines.RequestStart(t.Context(), w.Organization, bo, cluster, 3600, machines.LeaseTerms{})
	storetest.WantCode(t, err, "state")
	w.Exec(t, `UPDATE nodes SET desired = 'stopped', state = 'stopped' WHERE cluster_id = $1`, cluster)
	w.Exec(t, `UPDATE clusters SET desired = 'stopped', reason = 'asked' WHERE id = $1`, cluster)
	id, err := w.DB.Machines.RequestStart(t.Context(), w.Organization, bo, cluster, 3600, machines.LeaseTerms{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := w.DB.Overview.LaunchRequest(t.Context(), w.Organization, uuid.Nil, id); err != nil || !r.Start || r.Name != "resting" || r.Nodes != 2 {
		t.Fatalf("request %+v, %v", r, err)
	}
	if got, err := w.DB.Machines.ApproveRequest(t.Context(), w.Organization, w.Person, id); err != nil || got != cluster {
		t.Fatalf("started %s, %v; want %s", got, err, cluster)
	}
}

// An extension above the cap, or of a cluster that the cap does not count, is asked for and approved like a launch. The log
// has who asked as who did it, from no address, and who approved as who approved.
func TestExtensionsAboveTheCapAreAskedFor(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo, cy := storetest.Member(t, w, "bo@example.org"), storetest.Member(t, w, "cy@example.org")
	storetest.SetCap(t, w, bo, 3)
	storetest.SetCap(t, w, cy, 50)
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(ctx, w.Organization, bo, storetest.OneHour(w, "mine", 1)))
	w.Ready(t, id)
	before := storetest.Cluster(t, w, id)

	_, err := w.DB.Machines.RequestExtension(ctx, w.Organization, bo, id, 1800)
	storetest.WantRefusal(t, err, "state") // the cap allows it
	_, err = w.DB.Machines.RequestExtension(ctx, w.Organization, w.Person, id, 7200)
	storetest.WantRefusal(t, err, "state") // an owner has none
	_, err = w.DB.Machines.RequestExtension(ctx, w.Organization, bo, id, 720*3600)
	storetest.WantRefusal(t, err, "invalid")
	// What the approval would be refused is not asked for.
	storetest.NoError(t, w.DB.Machines.DrainHost(ctx, w.Person, w.Provider, w.Hosts[0], ""))
	_, err = w.DB.Machines.RequestExtension(ctx, w.Organization, bo, id, 3600)
	if r := storetest.WantRefusal(t, err, "state"); !strings.Contains(r.Title, "being emptied") {
		t.Errorf("%q", r.Title)
	}
	storetest.NoError(t, w.DB.Machines.ActivateHost(ctx, w.Person, w.Provider, w.Hosts[0]))
	request := storetest.Must[uuid.UUID](t)(w.DB.Machines.RequestExtension(ctx, w.Organization, bo, id, 3600))
	others := storetest.Must[uuid.UUID](t)(w.DB.Machines.RequestExtension(ctx, w.Organization, cy, id, 60)) // someone else started it
	if d := storetest.Cluster(t, w, id); !d.LeaseEndsAt.Equal(*before.LeaseEndsAt) || d.Held != before.Held {
		t.Errorf("asking changed %+v to %+v", before, d)
	}
	r := storetest.Must[overview.LaunchRequestRow](t)(w.DB.Overview.LaunchRequest(ctx, w.Organization, bo, request))
	if !r.Extend || r.Start || r.Nodes != 2 || r.LeaseSeconds != 3600 || r.Need != 2*billing.ComputeHour || r.Cap == nil || r.When != "" {
		t.Errorf("%+v", r)
	}
	if r := storetest.Must[overview.LaunchRequestRow](t)(w.DB.Overview.LaunchRequest(ctx, w.Organization, cy, others)); r.Cap == nil || r.Cap.Hours != 3*billing.ComputeHour || r.PersonID != cy {
		t.Errorf("an extension of another's cluster is not said to count to that one's cap: %+v", r)
	}
	for _, id := range []uuid.UUID{request, others} {
		storetest.Must[uuid.UUID](t)(w.DB.Machines.ApproveRequest(ctx, w.Organization, w.Person, id))
	}
	d := storetest.Cluster(t, w, id)
	if d.LeaseEndsAt.Sub(*before.LeaseEndsAt) != 3660*time.Second || d.Held != 2*billing.ComputeHour*7260/3600 {
		t.Errorf("approved: %+v", d)
	}
	if r := storetest.Must[overview.LaunchRequestRow](t)(w.DB.Overview.LaunchRequest(ctx, w.Organization, bo, request)); r.Cap == nil || r.Cap.Left() != 0 {
		t.Errorf("the approved request does not say that it counts to the cap: %+v", r.Cap)
	}
	for verb, who := range map[string]uuid.UUID{"extend lease": bo, "request extension": bo, "approve request": w.Person, "launch cluster": bo} {
		var right bool
		storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT bool_or(person_id = $2) FROM audit WHERE verb = $1`, verb, who).Scan(&right))
		if !right {
			t.Errorf("%q is not in the log with who did it", verb)
		}
	}
}

// An extension is of the start that it was asked for: once the cluster was started anew nobody approves it, and it counts to no cap.
// One of before the start was kept is of whichever runs.
func TestAnExtensionDoesNotOutliveItsStart(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo := storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, bo, 3)
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(ctx, w.Organization, bo, storetest.OneHour(w, "mine", 1)))
	w.Ready(t, id)
	request := storetest.Must[uuid.UUID](t)(w.DB.Machines.RequestExtension(ctx, w.Organization, bo, id, 3600))
	claims := func() bool {
		t.Helper()
		return storetest.Must[overview.LaunchRequestRow](t)(w.DB.Overview.LaunchRequest(ctx, w.Organization, bo, request)).Cap != nil
	}
	if !claims() {
		t.Error("the start that runs counts to no cap")
	}
	w.Exec(t, `UPDATE nodes SET desired = 'stopped', state = 'stopped' WHERE cluster_id = $1`, id)
	w.Exec(t, `UPDATE clusters SET desired = 'stopped', reason = 'asked' WHERE id = $1`, id)
	storetest.NoError(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 3600))
	w.Ready(t, id)
	if claims() {
		t.Error("a start that is over is said to count to a cap")
	}
	_, err := w.DB.Machines.ApproveRequest(ctx, w.Organization, w.Person, request)
	if r := storetest.WantRefusal(t, err, "state"); !strings.Contains(r.Title, "start 1") || !strings.Contains(r.Title, "start 2") || r.Next == "" {
		t.Errorf("refused with %+v", r)
	}
	w.Exec(t, `UPDATE launch_requests SET form = form - 'start' WHERE id = $1`, request)
	if !claims() {
		t.Error("what was asked for before starts were kept counts to no cap")
	}
	storetest.Must[uuid.UUID](t)(w.DB.Machines.ApproveRequest(ctx, w.Organization, w.Person, request))
}

// A launch that was asked for stands in the log with who asked, and its approval with who approved.
func TestTheLogTellsWhoAskedFromWhoApproved(t *testing.T) {
	w, bo, request := asked(t)
	ctx := store.WithOrigin(t.Context(), store.Origin{Address: netip.MustParseAddr("192.0.2.77")})
	storetest.Must[uuid.UUID](t)(w.DB.Machines.ApproveRequest(ctx, w.Organization, w.Person, request))
	for verb, want := range map[string]struct {
		who     uuid.UUID
		address bool
	}{"launch cluster": {bo, false}, "approve request": {w.Person, true}} {
		var who uuid.UUID
		var address bool
		storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT person_id, address IS NOT NULL FROM audit WHERE verb = $1`, verb).Scan(&who, &address))
		if who != want.who || address != want.address {
			t.Errorf("%s by %s, with an address: %v", verb, who, address)
		}
	}
}
