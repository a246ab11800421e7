package people_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// A role has its usual mails; what a person chooses otherwise is kept beside it, for that place alone.
func TestMailChoices(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	storetest.NoError(t, w.DB.People.AddStaff(ctx, uuid.Nil, w.Provider, w.Person, people.StaffAccountant))
	w.Exec(t, `UPDATE people SET platform_admin = true WHERE id = $1`, w.Person)
	scope := func(place uuid.UUID, event store.MailEvent) store.MailScope {
		t.Helper()
		for _, p := range storetest.Must[[]people.MailPlace](t)(w.DB.People.MailPlaces(ctx, w.Person)) {
			for _, e := range p.Events {
				if p.ID == place && e.Event == event {
					return e.Scope
				}
			}
		}
		return ""
	}
	places := storetest.Must[[]people.MailPlace](t)(w.DB.People.MailPlaces(ctx, w.Person))
	if len(places) != 3 || places[0].Name != "Astro" || places[1].Role != "accountant" || places[2].ID != uuid.Nil {
		t.Fatalf("places %+v", places)
	}
	if scope(w.Provider, store.EventOrder) != store.ScopeAll || scope(w.Provider, store.EventHostLost) != "" || scope(uuid.Nil, store.EventLedger) != store.ScopeAll || scope(w.Organization, store.EventClusterReady) != store.ScopeOwn {
		t.Errorf("what is usual: %+v", places)
	}
	choose := func(s store.MailScope, place uuid.UUID, events ...store.MailEvent) error {
		return w.DB.People.ChooseMails(ctx, w.Person, func(p uuid.UUID, e store.MailEvent) (store.MailScope, bool) {
			return s, p == place && slices.Contains(events, e)
		})
	}
	rows := func() (n int) {
		storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT count(*) FROM mail_choices`).Scan(&n))
		return n
	}
	storetest.NoError(t, choose(store.ScopeAll, w.Organization, store.EventClusterReady, store.EventHoursLow))
	if rows() != 1 || scope(w.Organization, store.EventClusterReady) != store.ScopeAll || scope(w.Organization, store.EventHoursLow) != store.ScopeAll {
		t.Errorf("%d rows, of which one differs from what is usual", rows())
	}
	storetest.NoError(t, choose(store.ScopeNone, w.Provider, store.EventOrder))
	storetest.NoError(t, choose(store.ScopeOwn, w.Organization, store.EventClusterReady))
	if rows() != 1 || scope(w.Provider, store.EventOrder) != store.ScopeNone || scope(w.Organization, store.EventClusterReady) != store.ScopeOwn {
		t.Errorf("%d rows", rows())
	}
	storetest.WantRefusal(t, choose(store.ScopeOwn, w.Provider, store.EventOrder), "invalid") // orders are nobody's own
	storetest.WantRefusal(t, choose("everything", w.Organization, store.EventClusterReady), "invalid")
	// Of a place that one is not of, and of mails that are always sent, there is nothing to choose.
	storetest.NoError(t, choose(store.ScopeNone, w.PoolID, store.EventOrder))
	storetest.NoError(t, choose(store.ScopeNone, w.Organization, store.MailEvent(store.MailKeyAdded)))
	if rows() != 1 {
		t.Errorf("%d rows", rows())
	}
	w.Exec(t, `DELETE FROM staff`)
	if places := storetest.Must[[]people.MailPlace](t)(w.DB.People.MailPlaces(ctx, w.Person)); len(places) != 2 {
		t.Errorf("after leaving: %+v", places)
	}
}

// Roles of the events are roles that there are.
func TestMailEventsKnowTheRoles(t *testing.T) {
	for _, r := range store.MailEvents() {
		for role, scope := range r.Roles {
			known := []string{"admin"}
			switch r.Kind {
			case store.PlaceOrganization:
				known = []string{string(people.RoleOwner), string(people.RoleManager), string(people.RoleMember), string(people.RoleBilling), string(people.RoleAuditor)}
			case store.PlaceProvider:
				known = []string{string(people.StaffAdmin), string(people.StaffOperator), string(people.StaffAccountant), string(people.StaffAuditor)}
			}
			if !slices.Contains(known, role) || !slices.Contains(r.Scopes, scope) {
				t.Errorf("%s: %s by default for %s", r.Event, scope, role)
			}
		}
	}
}

// Whoever invited, or gave an address, sees what the server said to the mail; a mail that comes through ends it.
func TestRefusedMailsAreShown(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	worker := storetest.OpenAs(t, w.Pool, store.RoleWorker).Core
	place := people.Place{OrganizationID: w.Organization}
	_, _, err := w.DB.People.InviteToOrganization(ctx, w.Organization, w.Person, people.NewInvitation{Email: "nobody@example.org", Role: "member"})
	storetest.NoError(t, err)
	var session people.Session
	session.PersonID, session.Email, session.Name = w.Person, storetest.Email, "Ada"
	storetest.NoError(t, w.DB.People.RequestEmail(ctx, session, "elsewhere@example.org", storetest.Password, "192.0.2.1"))
	_, _, err = w.DB.People.SignIn(ctx, storetest.Email, storetest.Password, "192.0.2.1", "", "")
	storetest.NoError(t, err)
	storetest.NoError(t, w.DB.People.RequestReset(ctx, storetest.Email, "192.0.2.1"))
	refuse := func(to string) {
		t.Helper()
		var id uuid.UUID
		storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT id FROM mails WHERE to_address = $1 ORDER BY created_at DESC LIMIT 1`, to).Scan(&id))
		storetest.NoError(t, worker.MailRefused(ctx, id, "post.example", "550 no such user", "all of it"))
	}
	own := func() []people.RefusedMail {
		return storetest.Must[[]people.RefusedMail](t)(w.DB.People.RefusedMails(ctx, w.Person))
	}
	list, _, err := w.DB.People.Invitations(ctx, place, people.InvitationFilter{})
	if err != nil || len(list) != 1 || list[0].RefusedBy != "" || len(own()) != 0 {
		t.Fatalf("before: %+v, %v, %v", list, own(), err)
	}
	for _, to := range []string{"nobody@example.org", "elsewhere@example.org", storetest.Email} {
		refuse(to)
	}
	list, _, err = w.DB.People.Invitations(ctx, place, people.InvitationFilter{})
	if err != nil || list[0].RefusedBy != "post.example" || list[0].Refused != "550 no such user" {
		t.Errorf("invitation %+v, %v", list, err)
	}
	if l := own(); len(l) != 2 || !l[0].Own || l[1].Own || l[1].Address != "elsewhere@example.org" || l[1].Words != "550 no such user" {
		t.Errorf("own %+v", l)
	}
	// Others see nothing of it.
	other := storetest.Member(t, w, "bo@example.org")
	if l := storetest.Must[[]people.RefusedMail](t)(w.DB.People.RefusedMails(ctx, other)); len(l) != 0 {
		t.Errorf("another's %+v", l)
	}
	// Given to the server again it is not refused now.
	var again uuid.UUID
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT id FROM mails WHERE to_address = 'nobody@example.org'`).Scan(&again))
	storetest.NoError(t, w.DB.Core.SendMailAgain(ctx, uuid.Nil, again))
	if list, _, err = w.DB.People.Invitations(ctx, place, people.InvitationFilter{}); err != nil || list[0].RefusedBy != "" {
		t.Errorf("while it is tried again: %+v, %v", list, err)
	}
	refuse("nobody@example.org")
	// Sent again it waits, and is not refused any more; a mail that came through says that the address is good.
	_, err = w.DB.People.ResendInvitation(ctx, place, w.Person, list[0].ID)
	storetest.NoError(t, err)
	w.Exec(t, `INSERT INTO mails (id, to_address, kind, state, created_at) VALUES ($1, $2, 'reset', 'sent', now())`, uuid.New(), storetest.Email)
	if list, _, err = w.DB.People.Invitations(ctx, place, people.InvitationFilter{}); err != nil || list[0].RefusedBy != "" {
		t.Errorf("after another mail: %+v, %v", list, err)
	}
	if l := own(); len(l) != 1 || l[0].Own {
		t.Errorf("after another mail: %+v", l)
	}
}

// Who signed up sees it where the password is right, and nobody else does.
func TestARefusedSignUpIsSaid(t *testing.T) {
	pool := storetest.Pool(t)
	db := storetest.Open(t, pool)
	ctx := t.Context()
	storetest.NoError(t, db.People.SignUp(ctx, people.SignUp{Email: "typo@example.org", Name: "Bo", Organization: "Bio", Password: storetest.Password}, "192.0.2.1"))
	var id uuid.UUID
	storetest.NoError(t, pool.QueryRow(ctx, `SELECT id FROM mails`).Scan(&id))
	storetest.NoError(t, storetest.OpenAs(t, pool, store.RoleWorker).Core.MailRefused(ctx, id, "post.example", "550 no such user", "all of it"))
	_, _, err := db.People.SignIn(ctx, "typo@example.org", storetest.Password, "192.0.2.1", "", "")
	if r := storetest.WantRefusal(t, err, "unconfirmed"); r.Title != "Your sign-up waits for you to confirm the address, and the mail to typo@example.org could not be delivered: post.example says “550 no such user”." {
		t.Errorf("%+v", r)
	}
	_, _, err = db.People.SignIn(ctx, "typo@example.org", "another password", "192.0.2.1", "", "")
	storetest.WantRefusal(t, err, "sign_in")
}
