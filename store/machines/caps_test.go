package machines_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// SetCap bounds what a member may set aside, in compute hours.

// WantCode fails unless err is a refusal with the code.

func TestCapBoundsWhatAMemberStarts(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo := storetest.Member(t, w, "bo@example.org")
	launch := func(name string, compute int) error {
		_, err := w.DB.Machines.LaunchCluster(ctx, w.Organization, bo, storetest.OneHour(w, name, compute))
		return err
	}
	if err := launch("before", 3); err != nil { // without a cap nothing is asked
		t.Fatal(err)
	}
	storetest.SetCap(t, w, bo, 3)
	if err := launch("first", 1); err != nil { // what was launched before does not count
		t.Fatal(err)
	}
	storetest.WantCode(t, launch("second", 1), "cap")
	if c := storetest.CapOf(t, w, bo); c.Spent != 2*billing.ComputeHour || c.Left() != billing.ComputeHour {
		t.Fatalf("cap %+v; want 2 h spent and 1 h left", c)
	}
	if err := launch("second", 0); err != nil {
		t.Fatal(err)
	}
	if err := w.DB.Machines.DeleteCluster(ctx, w.Organization, bo, clusterNamed(t, w, "first")); err != nil {
		t.Fatal(err)
	}
	storetest.SetCap(t, w, bo, 3) // counting begins anew
	if err := launch("third", 2); err != nil {
		t.Fatal(err)
	}
	if err := w.DB.Machines.SetCap(ctx, w.Organization, w.Person, bo, nil); err != nil {
		t.Fatal(err)
	}
	if err := launch("free", 3); err != nil {
		t.Fatal(err)
	}
	if c := storetest.CapOf(t, w, bo); c != nil {
		t.Fatalf("cap %+v; want none", c)
	}
}

func clusterNamed(t *testing.T, w *storetest.World, name string) (id uuid.UUID) {
	t.Helper()
	if err := w.Pool.QueryRow(t.Context(), `SELECT id FROM clusters WHERE name = $1`, name).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestTwoLaunchesAtOnceCannotExceedACap(t *testing.T) {
	w := storetest.NewWorld(t)
	bo := storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, bo, 5)
	var group sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		group.Go(func() {
			_, errs[i] = w.DB.Machines.LaunchCluster(t.Context(), w.Organization, bo, storetest.OneHour(w, "c"+string(rune('a'+i)), 1))
		})
	}
	group.Wait()
	launched := 0
	for _, err := range errs {
		if err == nil {
			launched++
			continue
		}
		storetest.WantCode(t, err, "cap")
	}
	if launched != 2 {
		t.Errorf("%d clusters of 2 h were launched within a cap of 5 h, want 2", launched)
	}
}

func TestStartsCountForWhoStarts(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo := storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, bo, 2)
	id := w.Launch(t, "theirs", 1) // the owner's
	w.Exec(t, `UPDATE nodes SET desired = 'stopped', state = 'stopped' WHERE cluster_id = $1`, id)
	w.Exec(t, `UPDATE clusters SET desired = 'stopped', reason = 'asked' WHERE id = $1`, id)
	storetest.WantCode(t, w.DB.Machines.StartCluster(ctx, w.Organization, bo, id, 2*3600), "cap")
	if err := w.DB.Machines.StartCluster(ctx, w.Organization, bo, id, 3600); err != nil {
		t.Fatal(err)
	}
	caps, err := w.DB.Machines.Caps(ctx, w.Organization)
	if err != nil || len(caps) != 1 || caps[bo].Spent != 2*billing.ComputeHour {
		t.Fatalf("caps %+v, %v; want 2 h of the member's start alone", caps, err)
	}
}

func TestSetCapRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, hour := t.Context(), billing.ComputeHour
	bo, none := storetest.Member(t, w, "bo@example.org"), billing.Hours(-1)
	storetest.WantCode(t, w.DB.Machines.SetCap(ctx, w.Organization, w.Person, w.Person, &hour), "state") // an owner
	storetest.WantCode(t, w.DB.Machines.SetCap(ctx, w.Organization, w.Person, bo, &none), "invalid")
	storetest.WantCode(t, w.DB.Machines.SetCap(ctx, w.Organization, w.Person, uuid.New(), &hour), "not_found")
	storetest.WantCode(t, w.DB.Machines.SetCap(ctx, uuid.New(), w.Person, bo, &hour), "not_found")
}

func TestOwnersAndManagersHaveNoCap(t *testing.T) {
	w := storetest.NewWorld(t)
	bo := storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, bo, 0)
	if err := w.DB.People.AddMember(t.Context(), w.Person, w.Organization, bo, people.RoleManager); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, bo, storetest.OneHour(w, "any", 3)); err != nil {
		t.Fatal(err)
	}
}
