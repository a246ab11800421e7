package people_test

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func TestMembers(t *testing.T) {
	i := newInviting(t)
	storetest.NoError(t, i.People.AddMember(t.Context(), uuid.Nil, i.group, i.ben, people.RoleMember))
	list, total, err := i.People.Members(t.Context(), i.group, people.MemberFilter{Sorting: store.Sorting{By: "role", Desc: true}})
	storetest.NoError(t, err)
	if total != 3 || len(list) != 3 || list[0].Role != people.RoleMember || list[2].Role != people.RoleOwner {
		t.Errorf("%d members: %+v", total, list)
	}
	list, total, err = i.People.Members(t.Context(), i.group, people.MemberFilter{Text: "EL@example"})
	storetest.NoError(t, err)
	if total != 1 || list[0].Name != "mel" {
		t.Errorf("%d members named so: %+v", total, list)
	}
	_, total, err = i.People.Members(t.Context(), i.group, people.MemberFilter{Role: people.RoleManager, Page: store.Page{Offset: 5}})
	storetest.NoError(t, err)
	if total != 1 {
		t.Errorf("%d managers", total)
	}
}

func TestChangeAndRemoveMember(t *testing.T) {
	i := newInviting(t)
	storetest.NoError(t, i.People.AddMember(t.Context(), uuid.Nil, i.group, i.ben, people.RoleMember))
	limit := 5 * billing.ComputeHour
	storetest.NoError(t, i.Machines.SetCap(t.Context(), i.group, i.ada, i.ben, &limit))
	storetest.WantRefusal(t, i.People.ChangeMember(t.Context(), i.group, i.ada, i.ben, "king"), "invalid")
	storetest.NoError(t, i.People.ChangeMember(t.Context(), i.group, i.ada, i.ben, people.RoleManager))
	storetest.WantRefusal(t, i.People.ChangeMember(t.Context(), i.group, i.ada, i.ada, people.RoleMember), "last_owner")
	storetest.WantRefusal(t, i.People.AddMember(t.Context(), uuid.Nil, i.group, i.ada, people.RoleMember), "last_owner")
	storetest.WantRefusal(t, i.People.RemoveMember(t.Context(), i.group, i.ada, i.ada), "last_owner")
	storetest.WantRefusal(t, i.People.ChangeMember(t.Context(), i.group, i.ada, uuid.New(), people.RoleMember), "not_found")
	storetest.WantRefusal(t, i.People.RemoveMember(t.Context(), i.group, i.ada, uuid.New()), "not_found")
	elsewhere := storetest.Must[uuid.UUID](t)(i.People.CreateOrganization(t.Context(), uuid.Nil, "Bio"))
	storetest.WantRefusal(t, i.People.ChangeMember(t.Context(), elsewhere, i.ada, i.ben, people.RoleOwner), "not_found")
	storetest.WantRefusal(t, i.People.RemoveMember(t.Context(), elsewhere, i.ada, i.ben), "not_found")

	cookie, s := signedIn(t, i.All, "ben")
	if s.OrganizationID == nil {
		t.Fatal("ben works nowhere")
	}
	storetest.NoError(t, i.People.RemoveMember(t.Context(), i.group, i.ada, i.ben))
	if s = storetest.Must[people.Session](t)(i.People.SessionByToken(t.Context(), cookie)); s.OrganizationID != nil {
		t.Error("a removed member still works there")
	}
	storetest.NoError(t, i.People.ChangeMember(t.Context(), i.group, i.ada, i.mel, people.RoleOwner))
	storetest.NoError(t, i.People.RemoveMember(t.Context(), i.group, i.ada, i.ada))
}

// Two owners who demote each other at once, or leave at once, leave one.
func TestLastOwnerAtOnce(t *testing.T) {
	for range 5 {
		i := newInviting(t)
		storetest.NoError(t, i.People.ChangeMember(t.Context(), i.group, i.ada, i.mel, people.RoleOwner))
		steps := make(chan func() error, 4)
		steps <- func() error { return i.People.ChangeMember(t.Context(), i.group, i.ada, i.mel, people.RoleMember) }
		steps <- func() error { return i.People.ChangeMember(t.Context(), i.group, i.mel, i.ada, people.RoleMember) }
		steps <- func() error { return i.People.RemoveMember(t.Context(), i.group, i.ada, i.ada) }
		steps <- func() error { return i.People.RemoveMember(t.Context(), i.group, i.mel, i.mel) }
		codesAtOnce(t, 4, func() error { return (<-steps)() })
		if n := i.count(`SELECT count(*) FROM memberships WHERE organization_id = $1 AND role = 'owner'`, i.group); n != 1 {
			t.Fatalf("%d owners are left, want 1", n)
		}
	}
}

// A cap is taken away by who sets caps alone, and by no detour over other roles or out of the organization.
func TestACapIsKeptByEveryDetour(t *testing.T) {
	i := newInviting(t)
	ctx := t.Context()
	storetest.NoError(t, i.People.AddMember(ctx, uuid.Nil, i.group, i.ben, people.RoleMember))
	limit := 5 * billing.ComputeHour
	storetest.NoError(t, i.Machines.SetCap(ctx, i.group, i.ada, i.ben, &limit))
	role := func(r people.OrganizationRole) func() error {
		return func() error { return i.People.ChangeMember(ctx, i.group, i.ada, i.ben, r) }
	}
	add := func(r people.OrganizationRole) func() error {
		return func() error { return i.People.AddMember(ctx, uuid.Nil, i.group, i.ben, r) }
	}
	for name, steps := range map[string][]func() error{
		"billing":    {role(people.RoleBilling)},
		"manager":    {role(people.RoleManager)},
		"auditor":    {role(people.RoleAuditor)},
		"owner":      {role(people.RoleOwner)},
		"by command": {add(people.RoleBilling), add(people.RoleMember)},
		"left":       {func() error { return i.People.RemoveMember(ctx, i.group, i.ben, i.ben) }, add(people.RoleBilling)},
	} {
		for _, step := range steps {
			storetest.NoError(t, step())
		}
		storetest.NoError(t, role(people.RoleMember)())
		caps, err := i.Machines.Caps(ctx, i.group)
		storetest.NoError(t, err)
		if c, capped := caps[i.ben]; !capped || c.Hours != limit {
			t.Fatalf("after %s the cap is %+v", name, c)
		}
	}
	storetest.NoError(t, i.Machines.SetCap(ctx, i.group, i.ada, i.ben, nil))
	storetest.NoError(t, i.People.RemoveMember(ctx, i.group, i.ada, i.ben))
	storetest.NoError(t, add(people.RoleMember)())
	if caps, err := i.Machines.Caps(ctx, i.group); err != nil || len(caps) != 0 {
		t.Errorf("a cap that was taken away came back: %+v, %v", caps, err)
	}
}

// An invitation carries the cap that a member begins with: it counts from the acceptance, over one that was kept of who comes
// back, and no other role has one.
func TestAnInvitationCarriesACap(t *testing.T) {
	i := newInviting(t)
	ctx := t.Context()
	five, zero, more := 5*billing.ComputeHour, billing.Hours(0), billing.MaxHours+1
	below := -billing.ComputeHour
	for name, n := range map[string]people.NewInvitation{
		"a manager's": {Role: "manager", Cap: &five}, "below zero": {Role: "member", Cap: &below}, "too much": {Role: "member", Cap: &more},
	} {
		_, _, err := i.People.InviteToOrganization(ctx, i.group, i.ada, n)
		if r := storetest.WantRefusal(t, err, "invalid"); r.Fields["cap"] == "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	accept := func(limit *billing.Hours) machines.Cap {
		t.Helper()
		_, token, err := i.People.InviteToOrganization(ctx, i.group, i.ada, people.NewInvitation{Role: "member", Cap: limit})
		storetest.NoError(t, err)
		_, err = i.People.AcceptInvitation(ctx, token, people.Session{PersonID: i.ben, Email: "ben@example.org"})
		storetest.NoError(t, err)
		caps, err := i.Machines.Caps(ctx, i.group)
		storetest.NoError(t, err)
		return caps[i.ben]
	}
	if c := accept(&five); c.Hours != five || c.Since.IsZero() || c.Spent != 0 {
		t.Errorf("begins with %+v", c)
	}
	storetest.NoError(t, i.People.RemoveMember(ctx, i.group, i.ada, i.ben))
	if c := accept(nil); c.Hours != five {
		t.Errorf("an invitation without a cap took away the one that was kept: %+v", c)
	}
	storetest.NoError(t, i.People.RemoveMember(ctx, i.group, i.ada, i.ben))
	if c := accept(&zero); c.Hours != 0 || c.Since.IsZero() {
		t.Errorf("comes back with %+v", c)
	}
}
