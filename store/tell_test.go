package store_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// everybody is a World with a person of each role, whose address is the role's name, in each kind of place.
func everybody(t *testing.T, w *storetest.World) map[store.PlaceKind]map[string]uuid.UUID {
	t.Helper()
	ctx := t.Context()
	all := map[store.PlaceKind]map[string]uuid.UUID{store.PlaceOrganization: {}, store.PlaceProvider: {}, store.PlacePlatform: {}}
	person := func(name string) uuid.UUID {
		return storetest.Must[uuid.UUID](t)(w.DB.People.CreatePerson(ctx, uuid.Nil, people.NewPerson{Email: name + "@example.org", Name: name, Password: storetest.Password}))
	}
	for _, role := range []people.OrganizationRole{people.RoleOwner, people.RoleManager, people.RoleMember, people.RoleBilling, people.RoleAuditor} {
		id := person("org-" + string(role))
		storetest.NoError(t, w.DB.People.AddMember(ctx, uuid.Nil, w.Organization, id, role))
		all[store.PlaceOrganization][string(role)] = id
	}
	for _, role := range []people.StaffRole{people.StaffAdmin, people.StaffOperator, people.StaffAccountant, people.StaffAuditor} {
		id := person("staff-" + string(role))
		storetest.NoError(t, w.DB.People.AddStaff(ctx, uuid.Nil, w.Provider, id, role))
		all[store.PlaceProvider][string(role)] = id
	}
	id := person("root")
	w.Exec(t, `UPDATE people SET platform_admin = true WHERE id = $1`, id)
	all[store.PlacePlatform]["admin"] = id
	// Ada owns the organization, too, and is suspended: nothing is ever told her.
	w.Exec(t, `UPDATE people SET suspended_at = now(), suspended_reason = 'an open invoice' WHERE id = $1`, w.Person)
	return all
}

// Of each event those hear whose role may see it, as they chose, or as is usual for the role.
func TestWhoHearsOfEachEvent(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	all := everybody(t, w)
	place := map[store.PlaceKind]uuid.UUID{store.PlaceOrganization: w.Organization, store.PlaceProvider: w.Provider, store.PlacePlatform: uuid.Nil}
	tell := func(r store.EventRule, h store.Happening) (to []uuid.UUID) {
		t.Helper()
		h.Place, h.Subject, h.Mark, h.Kind = place[r.Kind], uuid.Must(uuid.NewV7()), "x", store.MailClusterReady
		for range 2 { // told twice is told once
			storetest.NoError(t, w.DB.Core.Tx(ctx, func(tx pgx.Tx) error { return w.DB.Core.Tell(ctx, tx, r.Event, h, h) }))
		}
		storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT coalesce(array_agg(person_id), '{}') FROM notices WHERE subject_id = $1`, h.Subject).Scan(&to))
		return to
	}
	for _, r := range store.MailEvents() {
		people := all[r.Kind]
		want := func(what string, to []uuid.UUID, hears func(role string, usual store.MailScope) bool) {
			t.Helper()
			n := 0
			for role, id := range people {
				usual, may := r.Roles[role]
				if should := may && hears(role, usual); should != slices.Contains(to, id) {
					t.Errorf("%s, %s: %s hears of it: %t, should: %t", r.Event, what, role, !should, should)
				} else if should {
					n++
				}
			}
			if len(to) != n {
				t.Errorf("%s, %s: %d hear of it, want %d", r.Event, what, len(to), n)
			}
		}
		choose := func(scope store.MailScope) {
			w.Exec(t, `DELETE FROM mail_choices`)
			w.Exec(t, `INSERT INTO mail_choices SELECT id, $1, $2, $3 FROM people`, place[r.Kind], r.Event, scope)
		}
		w.Exec(t, `DELETE FROM mail_choices`)
		want("as is usual", tell(r, store.Happening{}), func(_ string, usual store.MailScope) bool { return usual == store.ScopeAll })
		for role, id := range people {
			want("of what "+role+" began", tell(r, store.Happening{Whose: id}), func(other string, usual store.MailScope) bool {
				return usual == store.ScopeAll || usual == store.ScopeOwn && other == role
			})
			want("done by "+role, tell(r, store.Happening{Whose: id, By: id}), func(other string, usual store.MailScope) bool { return usual == store.ScopeAll && other != role })
		}
		choose(store.ScopeNone)
		want("chosen by none", tell(r, store.Happening{}), func(string, store.MailScope) bool { return false })
		choose(store.ScopeAll)
		want("chosen by all", tell(r, store.Happening{}), func(string, store.MailScope) bool { return true })
		w.Exec(t, `UPDATE mail_choices SET place_id = $1`, w.PoolID)
		want("chosen elsewhere", tell(r, store.Happening{}), func(_ string, usual store.MailScope) bool { return usual == store.ScopeAll })
	}
}
