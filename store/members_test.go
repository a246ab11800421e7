package store_test

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store"
)

func TestMembers(t *testing.T) {
	i := newInviting(t)
	noError(t, i.AddMember(t.Context(), uuid.Nil, i.group, i.ben, store.RoleMember))
	list, total, err := i.Members(t.Context(), i.group, store.MemberFilter{Sorting: store.Sorting{By: "role", Desc: true}})
	noError(t, err)
	if total != 3 || len(list) != 3 || list[0].Role != store.RoleMember || list[2].Role != store.RoleOwner {
		t.Errorf("%d members: %+v", total, list)
	}
	list, total, err = i.Members(t.Context(), i.group, store.MemberFilter{Text: "EL@example"})
	noError(t, err)
	if total != 1 || list[0].Name != "mel" {
		t.Errorf("%d members named so: %+v", total, list)
	}
	_, total, err = i.Members(t.Context(), i.group, store.MemberFilter{Role: store.RoleManager, Page: store.Page{Offset: 5}})
	noError(t, err)
	if total != 1 {
		t.Errorf("%d managers", total)
	}
}

func TestChangeAndRemoveMember(t *testing.T) {
	i := newInviting(t)
	noError(t, i.AddMember(t.Context(), uuid.Nil, i.group, i.ben, store.RoleMember))
	limit := 5 * billing.ComputeHour
	noError(t, i.SetCap(t.Context(), i.group, i.ada, i.ben, &limit))
	wantRefusal(t, i.ChangeMember(t.Context(), i.group, i.ada, i.ben, "king"), "invalid")
	noError(t, i.ChangeMember(t.Context(), i.group, i.ada, i.ben, store.RoleManager))
	if n := i.count(`SELECT count(*) FROM memberships WHERE cap IS NOT NULL`); n != 0 {
		t.Error("a manager keeps the cap of a member")
	}
	wantRefusal(t, i.ChangeMember(t.Context(), i.group, i.ada, i.ada, store.RoleMember), "last_owner")
	wantRefusal(t, i.AddMember(t.Context(), uuid.Nil, i.group, i.ada, store.RoleMember), "last_owner")
	wantRefusal(t, i.RemoveMember(t.Context(), i.group, i.ada, i.ada), "last_owner")
	wantRefusal(t, i.ChangeMember(t.Context(), i.group, i.ada, uuid.New(), store.RoleMember), "not_found")
	wantRefusal(t, i.RemoveMember(t.Context(), i.group, i.ada, uuid.New()), "not_found")
	elsewhere := must[uuid.UUID](t)(i.CreateOrganization(t.Context(), uuid.Nil, "Bio"))
	wantRefusal(t, i.ChangeMember(t.Context(), elsewhere, i.ada, i.ben, store.RoleOwner), "not_found")
	wantRefusal(t, i.RemoveMember(t.Context(), elsewhere, i.ada, i.ben), "not_found")

	cookie, s := signedIn(t, i.DB, "ben")
	if s.OrganizationID == nil {
		t.Fatal("ben works nowhere")
	}
	noError(t, i.RemoveMember(t.Context(), i.group, i.ada, i.ben))
	if s = must[store.Session](t)(i.SessionByToken(t.Context(), cookie)); s.OrganizationID != nil {
		t.Error("a removed member still works there")
	}
	noError(t, i.ChangeMember(t.Context(), i.group, i.ada, i.mel, store.RoleOwner))
	noError(t, i.RemoveMember(t.Context(), i.group, i.ada, i.ada))
}

// Two owners who demote each other at once, or leave at once, leave one.
func TestLastOwnerAtOnce(t *testing.T) {
	for range 5 {
		i := newInviting(t)
		noError(t, i.ChangeMember(t.Context(), i.group, i.ada, i.mel, store.RoleOwner))
		steps := make(chan func() error, 4)
		steps <- func() error { return i.ChangeMember(t.Context(), i.group, i.ada, i.mel, store.RoleMember) }
		steps <- func() error { return i.ChangeMember(t.Context(), i.group, i.mel, i.ada, store.RoleMember) }
		steps <- func() error { return i.RemoveMember(t.Context(), i.group, i.ada, i.ada) }
		steps <- func() error { return i.RemoveMember(t.Context(), i.group, i.mel, i.mel) }
		codesAtOnce(t, 4, func() error { return (<-steps)() })
		if n := i.count(`SELECT count(*) FROM memberships WHERE organization_id = $1 AND role = 'owner'`, i.group); n != 1 {
			t.Fatalf("%d owners are left, want 1", n)
		}
	}
}
