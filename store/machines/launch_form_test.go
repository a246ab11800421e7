package machines_test

import (
	"errors"
	"strings"
	"testing"

	"volary.dev/billing"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// A refused launch carries what its page shows: one snapshot after the decision, and nothing is asked for what the decision knew.
func TestARefusedLaunchCarriesItsPage(t *testing.T) {
	w := storetest.NewWorld(t)
	db, asked := storetest.OpenNoted(t, w.Pool, "")
	launch := func(name string, compute int, lease int64) (*machines.LaunchRefused, []string) {
		t.Helper()
		asked.Taken()
		_, err := db.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, machines.LaunchRequest{
			VersionID: w.Version, PoolID: w.PoolID, Name: name, Counts: machines.Counts{"compute": compute}, LeaseSeconds: lease,
		})
		var refused *machines.LaunchRefused
		if !errors.As(err, &refused) {
			t.Fatalf("%s: %v", name, err)
		}
		return refused, asked.Taken()
	}
	w.Launch(t, "taken", 0)
	for _, c := range []struct {
		code, name string
		compute    int
		lease      int64
		judged     bool
		fits       int
	}{
		{"invalid", "Not a name", 0, 3600, true, 0},
		{"invalid", "much", 0, 1 << 40, true, 0},
		{"duplicate", "taken", 0, 3600, true, 3},
		{"balance", "long", 2, 40 * 3600, true, 3},
	} {
		refused, sql := launch(c.name, c.compute, c.lease)
		storetest.WantRefusal(t, refused, c.code)
		f, q := refused.Form, refused.Quote
		if len(f.Versions) != 1 || len(f.Pools) != 1 || f.Cap != nil || (q != nil) != c.judged {
			t.Errorf("%s: form %+v, quote %+v", c.code, f, q)
		}
		if q != nil && (len(q.Hosts) != c.fits || q.Left != 99*billing.ComputeHour || q.LeftAfter != q.Left-q.Need || (c.fits > 0) != (q.Need > 0)) {
			t.Errorf("%s: quote %+v", c.code, q)
		}
		decided := 0
		for n, s := range sql {
			if strings.HasPrefix(s, "rollback") {
				decided = n + 1
			}
		}
		// begin, versions, pools, cap, keys, hours, price, commit
		if after := sql[decided:]; len(after) > 8 {
			t.Errorf("%s: %d statements after the decision:\n%s", c.code, len(after), strings.Join(after, "\n"))
		}
	}
	if _, err := db.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, machines.LaunchRequest{Name: "nowhere", PoolID: w.PoolID, LeaseSeconds: 3600}); errors.As(err, new(*machines.LaunchRefused)) {
		t.Error("what is not there has no page")
	}
}

// What a member may not do and asks for in vain carries the page, too, with their cap.
func TestARefusedRequestCarriesItsPage(t *testing.T) {
	w := storetest.NewWorld(t)
	bo := storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, bo, 5)
	_, err := w.DB.Machines.RequestLaunch(t.Context(), w.Organization, bo, machines.LaunchRequest{VersionID: w.Version, PoolID: w.PoolID, Name: "small", Counts: machines.Counts{"compute": 0}, LeaseSeconds: 3600})
	storetest.WantRefusal(t, err, "state")
	var refused *machines.LaunchRefused
	if !errors.As(err, &refused) || refused.Quote == nil || refused.Quote.Need != billing.ComputeHour || refused.Form.Cap == nil || refused.Form.Cap.Hours != 5*billing.ComputeHour {
		t.Errorf("%+v", refused)
	}
}

// What takes nothing is not offered: neither to a launch nor to a test. Filters still have it, for what ran there.
func TestASuspendedProvidersPoolsAreNotOffered(t *testing.T) {
	w := storetest.NewWorld(t)
	offered := func() (launch, tests, filters int) {
		form := storetest.Must[machines.LaunchForm](t)(w.DB.Machines.LaunchForm(t.Context(), w.Organization, w.Person))
		open := storetest.Must[[]machines.PoolPlace](t)(w.DB.Machines.OpenPlaces(t.Context()))
		return len(form.Pools), len(open), len(storetest.Must[[]machines.PoolPlace](t)(w.DB.Machines.PoolPlaces(t.Context())))
	}
	if launch, tests, filters := offered(); launch != 1 || tests != 1 || filters != 1 {
		t.Errorf("before: %d, %d, %d", launch, tests, filters)
	}
	storetest.NoError(t, w.DB.People.SuspendProvider(t.Context(), w.Person, w.Provider, "unpaid fees"))
	if launch, tests, filters := offered(); launch != 0 || tests != 0 || filters != 1 {
		t.Errorf("suspended: %d, %d, %d", launch, tests, filters)
	}
}
