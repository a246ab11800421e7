package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/billing"
	"volary.dev/handlers/handlertest"
)

// TestALaunchAboveTheCapIsAskedForAndApproved walks the way of a member and two managers through pages.
func TestALaunchAboveTheCapIsAskedForAndApproved(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	limit := 2 * billing.ComputeHour
	if err := a.Store.Machines.SetCap(t.Context(), w.Organization, w.Person(handlertest.Owner), w.Person(handlertest.Member), &limit); err != nil {
		t.Fatal(err)
	}
	form := url.Values{
		"name": {"above"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"2"}, "lease_hours": {"1"}, "cost_centre": {"4711"},
	}
	member := a.SignIn(handlertest.Member)
	before := member.Get("/org/clusters/new?" + form.Encode())
	if !strings.Contains(before.Body, "This is above your cap.") || !strings.Contains(before.Body, "Ask for this launch") || !strings.Contains(before.Body, "4711") {
		t.Error("the form does not say before the button that managers will be asked")
	}
	asked := member.Post("/org/clusters", form)
	request := asked.Header.Get("Location")
	if asked.Status != http.StatusSeeOther || !strings.HasPrefix(request, "/org/requests/") {
		t.Fatalf("asked: %d to %q", asked.Status, request)
	}
	if got := member.Get(request); !strings.Contains(got.Body, "Your managers are asked") || strings.Contains(got.Body, "/approve") {
		t.Error("the member is not told, or may approve")
	}
	manager := a.SignIn(handlertest.Manager)
	if home := manager.Get("/org"); !strings.Contains(home.Body, request+"/approve") || !strings.Contains(home.Body, "1 request waits") {
		t.Error("the manager's overview does not show the request")
	}
	if got := manager.Post(request+"/decline", url.Values{"reason": {" "}}); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "Fill in a reason.") {
		t.Errorf("declined without a reason: %d", got.Status)
	}
	done := manager.Post(request+"/approve", nil)
	if cluster := done.Header.Get("Location"); done.Status != http.StatusSeeOther || !strings.HasPrefix(cluster, "/org/clusters/") {
		t.Fatalf("approved: %d to %q", done.Status, cluster)
	} else if got := member.Get(cluster); !strings.Contains(got.Body, "4711") || !strings.Contains(got.Body, handlertest.Member) {
		t.Error("the cluster does not carry the reference and the name of who asked")
	}
	again := a.SignIn(handlertest.Owner).Post(request+"/approve", nil)
	if again.Status != http.StatusUnprocessableEntity || !strings.Contains(again.Body, "This request was approved at") {
		t.Errorf("approved twice: %d", again.Status)
	}
}

func TestWhatCannotBeLaunchedNowIsSaidAndWaits(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id := a.Request(w, "asked")
	if _, err := a.Pool.Exec(t.Context(), `UPDATE hosts SET state = 'cordoned'`); err != nil {
		t.Fatal(err)
	}
	manager := a.SignIn(handlertest.Manager)
	got := manager.Post("/org/requests/"+id.String()+"/approve", nil)
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "has no room for 1 node") || !strings.Contains(got.Body, "Approve and launch") {
		t.Errorf("%d: the reason is not shown beside the request that waits", got.Status)
	}
	if list := manager.Get("/org/requests?state=waiting"); !strings.Contains(list.Body, "takes no clusters now") {
		t.Error("the list does not say that the pool takes nothing")
	}
}

// A request says what its approval does to the cap before it is approved, and after.
func TestARequestSaysThatItCountsToTheCap(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id := a.Request(w, "asked")
	manager, path := a.SignIn(handlertest.Manager), "/org/requests/"+id.String()
	saysInWords(t, "before", manager.Get(path), "If it is approved it counts to the cap of", "has to be asked for, until the cap is set anew", "A cap is not of a month")
	done := manager.Post(path+"/approve", nil)
	follow(t, manager, "approving", done, "It counts to the cap of")
	saysInWords(t, "after", manager.Get(path), "It counts to the cap of", "there are 0.00 CH left now")
}

// An extension that a cap does not allow becomes a request, as a launch does; its form says how far the cap goes.
func TestAnExtensionAboveTheCapIsAskedFor(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id, _ := a.Launch(w, "first", 0)
	none := billing.Hours(0)
	if err := a.Store.Machines.SetCap(t.Context(), w.Organization, w.Person(handlertest.Owner), w.Person(handlertest.Member), &none); err != nil {
		t.Fatal(err)
	}
	member, path := a.SignIn(handlertest.Member), "/org/clusters/"+id.String()
	saysInWords(t, "the form", member.Get(path), "Of your cap of 0.00 CH since", "your managers are asked for")
	asked := member.Post(path+"/extend", url.Values{"extend_hours": {"1"}})
	follow(t, member, "extending", asked, "Your managers are asked for it", "Extend the lease of first")
	to := asked.Header.Get("Location")
	manager := a.SignIn(handlertest.Manager)
	says(t, "the manager's page", manager.Get(to), http.StatusOK, "Approve and extend", "Longer by")
	follow(t, manager, "approving", manager.Post(to+"/approve", nil), "Approved: the lease is longer.")
}
