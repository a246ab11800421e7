package overview_test

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/store/overview"
	"volary.dev/store/storetest"
)

func TestFirstSteps(t *testing.T) {
	w := storetest.NewWorld(t)
	steps := func(orgID uuid.UUID) overview.FirstSteps {
		s, err := w.DB.Overview.FirstSteps(t.Context(), orgID)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	fresh, err := w.DB.People.CreateOrganization(t.Context(), uuid.Nil, "Fresh")
	if err != nil {
		t.Fatal(err)
	}
	if s := steps(fresh); s != (overview.FirstSteps{}) {
		t.Errorf("a new organization has %+v", s)
	}
	if s := steps(w.Organization); s != (overview.FirstSteps{Uploaded: true, Bought: true}) {
		t.Errorf("%+v; want an image and hours", s)
	}
	storetest.Member(t, w, "bo@example.org")
	test, err := w.DB.Machines.StartAcceptanceTest(t.Context(), w.Organization, w.Person, w.Version, w.PoolID)
	if err != nil {
		t.Fatal(err)
	}
	w.Exec(t, `UPDATE acceptance_tests SET state = 'passed' WHERE id = $1`, test)
	w.Launch(t, "first", 0)
	if s := steps(w.Organization); s != (overview.FirstSteps{Invited: true, Uploaded: true, Tested: true, Bought: true, Launched: true}) {
		t.Errorf("%+v; want all", s)
	}
}
