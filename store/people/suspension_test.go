package people_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func TestSuspendOrganization(t *testing.T) {
	w := storetest.NewWorld(t)
	running, stopped := w.Launch(t, "running", 1), w.Launch(t, "stopped", 0)
	storetest.NoError(t, w.DB.Machines.StopCluster(t.Context(), w.Organization, w.Person, stopped))
	test := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(t.Context(), w.Organization, w.Person, w.Version, w.PoolID))
	storetest.WantRefusal(t, w.DB.People.SuspendOrganization(t.Context(), uuid.Nil, w.Organization, "no"), "invalid")
	storetest.WantRefusal(t, w.DB.People.SuspendOrganization(t.Context(), uuid.Nil, uuid.New(), "an open invoice"), "not_found")
	storetest.NoError(t, w.DB.People.SuspendOrganization(t.Context(), uuid.Nil, w.Organization, "an open invoice"))
	storetest.WantRefusal(t, w.DB.People.SuspendOrganization(t.Context(), uuid.Nil, w.Organization, "another reason"), "state")

	c := storetest.Must[machines.ClusterDetail](t)(w.DB.Machines.Cluster(t.Context(), w.Organization, running))
	if c.Desired != provisioner.DesiredStopped || c.Reason != provisioner.ReasonSuspended || c.ReasonDetail != "an open invoice" {
		t.Errorf("what ran is wanted %s: %s, %q", c.Desired, c.Reason, c.ReasonDetail)
	}
	var desired string
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT c.desired FROM clusters c JOIN acceptance_tests a ON a.cluster_id = c.id WHERE a.id = $1`, test).Scan(&desired))
	if desired != "gone" {
		t.Errorf("the test's cluster is wanted %s", desired)
	}
	var mails int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM mails WHERE kind = 'suspended' AND to_address = 'ada@example.org' AND data->>'reason' = 'an open invoice'`).Scan(&mails))
	if mails != 1 {
		t.Errorf("%d mails to the owner", mails)
	}

	_, launch := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, machines.LaunchRequest{VersionID: w.Version, PoolID: w.PoolID, Name: "more", Counts: machines.Counts{"compute": 0}, LeaseSeconds: 3600})
	_, again := w.DB.Machines.StartAcceptanceTest(t.Context(), w.Organization, w.Person, w.Version, w.PoolID)
	_, _, invite := w.DB.People.InviteToOrganization(t.Context(), w.Organization, w.Person, people.NewInvitation{Role: "member"})
	for what, err := range map[string]error{
		"launch": launch, "invite": invite,
		"start":  w.DB.Machines.StartCluster(t.Context(), w.Organization, w.Person, stopped, 3600),
		"upload": w.DB.Models.CreateUpload(t.Context(), w.Organization, w.Person, strings.Repeat("a", 32), "disk", 100),
	} {
		r, ok := refusal.As(err)
		if !ok || r.Code != "suspended" || !strings.Contains(r.Title, "an open invoice") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if r, ok := refusal.As(again); !ok || (r.Code != "suspended" && r.Code != "test_limit") {
		t.Errorf("test: %v", again)
	}
	// What frees hosts and money goes on.
	storetest.NoError(t, w.DB.Machines.DeleteCluster(t.Context(), w.Organization, w.Person, running))

	storetest.NoError(t, w.DB.People.LiftOrganization(t.Context(), uuid.Nil, w.Organization))
	storetest.WantRefusal(t, w.DB.People.LiftOrganization(t.Context(), uuid.Nil, w.Organization), "state")
	storetest.WantRefusal(t, w.DB.People.LiftOrganization(t.Context(), uuid.Nil, uuid.New()), "not_found")
	w.Launch(t, "after", 0)
}

// Launches at the same moment as a suspension either come first and are stopped, or are refused.
func TestSuspendWhileLaunching(t *testing.T) {
	w := storetest.NewWorld(t)
	var group errgroup.Group
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		group.Go(func() error {
			_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, machines.LaunchRequest{VersionID: w.Version, PoolID: w.PoolID, Name: name, Counts: machines.Counts{"compute": 0}, LeaseSeconds: 3600})
			if r, ok := refusal.As(err); ok && r.Code == "suspended" {
				return nil
			}
			return err
		})
	}
	group.Go(func() error {
		return w.DB.People.SuspendOrganization(t.Context(), uuid.Nil, w.Organization, "an open invoice")
	})
	storetest.NoError(t, group.Wait())
	var running int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM clusters WHERE desired = 'running'`).Scan(&running))
	if running != 0 {
		t.Errorf("%d clusters of a suspended organization are to run", running)
	}
}

func TestSuspendPerson(t *testing.T) {
	db := newMailed(t)
	ada, ben := createPerson(t, db.All, "ada"), createPerson(t, db.All, "ben")
	cookie, _ := signedIn(t, db.All, "ben")
	storetest.WantRefusal(t, db.People.SuspendPerson(t.Context(), ada, ben, "no"), "invalid")
	storetest.WantRefusal(t, db.People.SuspendPerson(t.Context(), ada, ada, "for myself"), "self")
	storetest.WantRefusal(t, db.People.SuspendPerson(t.Context(), ada, uuid.New(), "for nobody"), "not_found")
	storetest.WantRefusal(t, db.People.LiftPerson(t.Context(), ada, ben), "state")
	storetest.NoError(t, db.People.SuspendPerson(t.Context(), ada, ben, "sent mails to strangers"))
	storetest.WantRefusal(t, db.People.SuspendPerson(t.Context(), ada, ben, "once more"), "state")
	_, err := db.People.SessionByToken(t.Context(), cookie)
	storetest.WantRefusal(t, err, "not_found")
	_, _, err = db.People.SignIn(t.Context(), "ben@example.org", "not the password", "", "", "")
	storetest.WantRefusal(t, err, "sign_in")
	_, _, err = db.People.SignIn(t.Context(), "ben@example.org", password, "", "", "")
	if r := storetest.WantRefusal(t, err, "suspended"); !strings.Contains(r.Title, "sent mails to strangers") {
		t.Errorf("%q", r.Title)
	}
	storetest.NoError(t, db.People.LiftPerson(t.Context(), ada, ben))
	storetest.WantRefusal(t, db.People.LiftPerson(t.Context(), ada, uuid.New()), "not_found")
	signedIn(t, db.All, "ben")
}

// Admins who take the platform from each other at once leave one.
func TestLastPlatformAdmin(t *testing.T) {
	db := newMailed(t)
	ada, ben := createPerson(t, db.All, "ada"), createPerson(t, db.All, "ben")
	storetest.NoError(t, db.People.SetPlatformAdmin(t.Context(), uuid.Nil, ada, true))
	storetest.WantRefusal(t, db.People.SetPlatformAdmin(t.Context(), ada, ada, false), "last_admin")
	storetest.WantRefusal(t, db.People.SuspendPerson(t.Context(), ben, ada, "out with her"), "last_admin")
	storetest.WantRefusal(t, db.People.SetPlatformAdmin(t.Context(), ada, uuid.New(), true), "not_found")
	for range 5 {
		storetest.NoError(t, db.People.SetPlatformAdmin(t.Context(), ada, ada, true))
		storetest.NoError(t, db.People.SetPlatformAdmin(t.Context(), ada, ben, true))
		steps := make(chan func() error, 4)
		steps <- func() error { return db.People.SetPlatformAdmin(t.Context(), ada, ben, false) }
		steps <- func() error { return db.People.SetPlatformAdmin(t.Context(), ben, ada, false) }
		steps <- func() error { return db.People.SuspendPerson(t.Context(), ada, ben, "out with him") }
		steps <- func() error { return db.People.SuspendPerson(t.Context(), ben, ada, "out with her") }
		codesAtOnce(t, 4, func() error { return (<-steps)() })
		if n := db.count(`SELECT count(*) FROM people WHERE platform_admin AND suspended_at IS NULL`); n != 1 {
			t.Fatalf("%d admins are left, want 1", n)
		}
		db.exec(`UPDATE people SET suspended_at = NULL, suspended_reason = ''`)
	}
}

func TestPlatformLists(t *testing.T) {
	i := newInviting(t)
	storetest.Must[uuid.UUID](t)(i.People.CreateOrganization(t.Context(), uuid.Nil, "Bio"))
	storetest.NoError(t, i.People.SuspendOrganization(t.Context(), uuid.Nil, i.group, "an open invoice"))
	storetest.NoError(t, i.People.SuspendPerson(t.Context(), uuid.Nil, i.ben, "sent mails to strangers"))
	storetest.NoError(t, i.People.SetPlatformAdmin(t.Context(), uuid.Nil, i.mel, true))
	storetest.NoError(t, i.People.SignUp(t.Context(), signUp("new@example.org", "Chem"), ""))
	f := storetest.Must[overview.PlatformFigures](t)(i.Overview.PlatformFigures(t.Context()))
	if f.Organizations != 2 || f.OrganizationsSuspended != 1 || f.People != 3 || f.PeopleSuspended != 1 || f.Admins != 1 || f.SignUps != 1 || f.MailsWaiting != 2+4 { // and four of roles
		t.Errorf("figures %+v", f)
	}
	i.exec(`UPDATE mails SET state = 'refused', created_at = CASE WHEN kind = 'sign_up' THEN now() - interval '15 days' ELSE now() END
		WHERE id IN (SELECT id FROM mails WHERE kind = 'sign_up' UNION ALL (SELECT id FROM mails WHERE kind <> 'sign_up' LIMIT 1))`)
	if f = storetest.Must[overview.PlatformFigures](t)(i.Overview.PlatformFigures(t.Context())); f.MailsRefused != 1 {
		t.Errorf("%d mails were refused lately, want the one that is younger than 14 days", f.MailsRefused)
	}
	orgs, total, err := i.Overview.PlatformOrganizations(t.Context(), overview.PlatformFilter{Sorting: store.Sorting{By: "members", Desc: true}})
	storetest.NoError(t, err)
	if total != 2 || orgs[0].Name != "Astro" || orgs[0].Members != 2 {
		t.Errorf("%d organizations: %+v", total, orgs)
	}
	for state, want := range map[string]int{"active": 1, "suspended": 1, "": 2} {
		if _, total, err = i.Overview.PlatformOrganizations(t.Context(), overview.PlatformFilter{State: state, Page: store.Page{Offset: 9}}); err != nil || total != want {
			t.Errorf("organizations %q: %d, %v", state, total, err)
		}
	}
	for state, want := range map[string]int{"active": 2, "suspended": 1, "admin": 1, "": 3} {
		if _, total, err = i.Overview.PlatformPeople(t.Context(), overview.PlatformFilter{State: state}); err != nil || total != want {
			t.Errorf("people %q: %d, %v", state, total, err)
		}
	}
	people, total, err := i.Overview.PlatformPeople(t.Context(), overview.PlatformFilter{Text: "BEN@"})
	storetest.NoError(t, err)
	if total != 1 || people[0].SuspendedReason != "sent mails to strangers" {
		t.Errorf("%d people: %+v", total, people)
	}
	if o := storetest.Must[overview.PlatformOrganization](t)(i.Overview.PlatformOrganization(t.Context(), i.group)); o.SuspendedReason != "an open invoice" {
		t.Errorf("organization %+v", o)
	}
	if p := storetest.Must[overview.PlatformPerson](t)(i.Overview.PlatformPerson(t.Context(), i.ada)); p.Workplaces != 2 {
		t.Errorf("person %+v", p)
	}
	_, err = i.Overview.PlatformPerson(t.Context(), uuid.New())
	storetest.WantRefusal(t, err, "not_found")
	_, err = i.Overview.PlatformOrganization(t.Context(), uuid.New())
	storetest.WantRefusal(t, err, "not_found")
}
