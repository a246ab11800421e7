package store_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// member adds a plain member to the World's organization.
func member(t *testing.T, w *storetest.World, email string) uuid.UUID {
	t.Helper()
	id, err := w.DB.CreatePerson(t.Context(), uuid.Nil, store.NewPerson{Email: email, Name: email, Password: storetest.Password})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.DB.AddMember(t.Context(), w.Person, w.Organization, id, store.RoleMember); err != nil {
		t.Fatal(err)
	}
	return id
}

func setCap(t *testing.T, w *storetest.World, person uuid.UUID, hours int64) {
	t.Helper()
	limit := billing.Hours(hours) * billing.ComputeHour
	if err := w.DB.SetCap(t.Context(), w.Organization, w.Person, person, &limit); err != nil {
		t.Fatal(err)
	}
}

// oneHour launches one head and some compute nodes, 1 compute hour each.
func oneHour(w *storetest.World, name string, compute int) store.LaunchRequest {
	return store.LaunchRequest{VersionID: w.Version, PoolID: w.PoolID, Name: name, ComputeCount: compute, LeaseSeconds: 3600}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if r, ok := provisioner.AsRefusal(err); !ok || r.Code != code {
		t.Fatalf("error %v, want refusal %q", err, code)
	}
}

func TestCapBoundsWhatAMemberStarts(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo := member(t, w, "bo@example.org")
	launch := func(name string, compute int) error {
		_, err := w.DB.LaunchCluster(ctx, w.Organization, bo, oneHour(w, name, compute))
		return err
	}
	if err := launch("before", 3); err != nil { // without a cap nothing is asked
		t.Fatal(err)
	}
	setCap(t, w, bo, 3)
	if err := launch("first", 1); err != nil { // what was launched before does not count
		t.Fatal(err)
	}
	wantCode(t, launch("second", 1), "cap")
	c, err := w.DB.CapOf(ctx, w.Organization, bo)
	if err != nil || c.Spent != 2*billing.ComputeHour || c.Left() != billing.ComputeHour {
		t.Fatalf("cap %+v, %v; want 2 h spent and 1 h left", c, err)
	}
	if err := launch("second", 0); err != nil {
		t.Fatal(err)
	}
	if err := w.DB.DeleteCluster(ctx, w.Organization, bo, clusterNamed(t, w, "first")); err != nil {
		t.Fatal(err)
	}
	setCap(t, w, bo, 3) // counting begins anew
	if err := launch("third", 2); err != nil {
		t.Fatal(err)
	}
	if err := w.DB.SetCap(ctx, w.Organization, w.Person, bo, nil); err != nil {
		t.Fatal(err)
	}
	if err := launch("free", 3); err != nil {
		t.Fatal(err)
	}
	if c, err := w.DB.CapOf(ctx, w.Organization, bo); c != nil || err != nil {
		t.Fatalf("cap %+v, %v; want none", c, err)
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
	bo := member(t, w, "bo@example.org")
	setCap(t, w, bo, 5)
	var group sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		group.Go(func() {
			_, errs[i] = w.DB.LaunchCluster(t.Context(), w.Organization, bo, oneHour(w, "c"+string(rune('a'+i)), 1))
		})
	}
	group.Wait()
	launched := 0
	for _, err := range errs {
		if err == nil {
			launched++
			continue
		}
		wantCode(t, err, "cap")
	}
	if launched != 2 {
		t.Errorf("%d clusters of 2 h were launched within a cap of 5 h, want 2", launched)
	}
}

func TestStartsCountForWhoStarts(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo := member(t, w, "bo@example.org")
	setCap(t, w, bo, 2)
	id := w.Launch(t, "theirs", 1) // the owner's
	w.Exec(t, `UPDATE clusters SET desired = 'stopped', reason = 'asked' WHERE id = $1`, id)
	w.Exec(t, `UPDATE nodes SET state = 'stopped' WHERE cluster_id = $1`, id)
	wantCode(t, w.DB.StartCluster(ctx, w.Organization, bo, id, 2*3600), "cap")
	if err := w.DB.StartCluster(ctx, w.Organization, bo, id, 3600); err != nil {
		t.Fatal(err)
	}
	caps, err := w.DB.Caps(ctx, w.Organization)
	if err != nil || len(caps) != 1 || caps[bo].Spent != 2*billing.ComputeHour {
		t.Fatalf("caps %+v, %v; want 2 h of the member's start alone", caps, err)
	}
}

func TestSetCapRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, hour := t.Context(), billing.ComputeHour
	bo, none := member(t, w, "bo@example.org"), billing.Hours(-1)
	wantCode(t, w.DB.SetCap(ctx, w.Organization, w.Person, w.Person, &hour), "state") // an owner
	wantCode(t, w.DB.SetCap(ctx, w.Organization, w.Person, bo, &none), "invalid")
	wantCode(t, w.DB.SetCap(ctx, w.Organization, w.Person, uuid.New(), &hour), "not_found")
	wantCode(t, w.DB.SetCap(ctx, uuid.New(), w.Person, bo, &hour), "not_found")
}

func TestOwnersAndManagersHaveNoCap(t *testing.T) {
	w := storetest.NewWorld(t)
	bo := member(t, w, "bo@example.org")
	setCap(t, w, bo, 0)
	if err := w.DB.AddMember(t.Context(), w.Person, w.Organization, bo, store.RoleManager); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DB.LaunchCluster(t.Context(), w.Organization, bo, oneHour(w, "any", 3)); err != nil {
		t.Fatal(err)
	}
}
