package store_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// TestWhoWorksForTwoIsChangedByOneAlone has somebody work for two organizations and two providers: what one of them
// decides about the person leaves the other alone.
func TestWhoWorksForTwoIsChangedByOneAlone(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo := member(t, w, "bo@example.org")
	other := must[uuid.UUID](t)(w.DB.CreateOrganization(ctx, uuid.Nil, "Other"))
	south := must[uuid.UUID](t)(w.DB.CreateProvider(ctx, uuid.Nil, store.NewProvider{Name: "South", Currency: "EUR", AccountingZone: "UTC"}))
	noError(t, w.DB.AddMember(ctx, uuid.Nil, other, w.Person, store.RoleOwner))
	noError(t, w.DB.AddMember(ctx, uuid.Nil, other, bo, store.RoleMember))
	for _, provider := range []uuid.UUID{w.Provider, south} {
		noError(t, w.DB.AddStaff(ctx, uuid.Nil, provider, w.Person, store.StaffAdmin))
		noError(t, w.DB.AddStaff(ctx, uuid.Nil, provider, bo, store.StaffOperator))
	}
	three := 3 * billing.ComputeHour
	noError(t, w.DB.SetCap(ctx, other, w.Person, bo, &three))
	elsewhere := func() string {
		t.Helper()
		var rows string
		if err := w.Pool.QueryRow(ctx, `
			SELECT (SELECT jsonb_agg(m ORDER BY person_id) FROM memberships m WHERE organization_id = $1)::text
				|| (SELECT jsonb_agg(s ORDER BY person_id) FROM staff s WHERE provider_id = $2)::text`, other, south).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	before, none := elsewhere(), billing.Hours(0)
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"cap", func() error { return w.DB.SetCap(ctx, w.Organization, w.Person, bo, &none) }},
		{"role", func() error { return w.DB.ChangeMember(ctx, w.Organization, w.Person, bo, store.RoleManager) }},
		{"staff role", func() error { return w.DB.ChangeStaffRole(ctx, w.Person, w.Provider, bo, store.StaffAccountant) }},
		{"removal", func() error { return w.DB.RemoveMember(ctx, w.Organization, w.Person, bo) }},
		{"staff removal", func() error { return w.DB.RemoveStaff(ctx, w.Person, w.Provider, bo) }},
	} {
		noError(t, c.do())
		if after := elsewhere(); after != before {
			t.Fatalf("%s: the other place's rows were\n%s\nand are\n%s", c.name, before, after)
		}
	}
	// An owner there is no owner here.
	wantCode(t, w.DB.ChangeMember(ctx, w.Organization, w.Person, w.Person, store.RoleMember), "last_owner")
	wantCode(t, w.DB.RemoveStaff(ctx, w.Person, w.Provider, w.Person), "last_admin")
	// Who works, or is invited, there may be invited here, and accept.
	invite := func(at, by uuid.UUID, role store.OrganizationRole) (token string, err error) {
		if _, _, err = w.DB.InviteToOrganization(ctx, at, by, store.NewInvitation{Email: "bo@example.org", Role: string(role)}); err != nil {
			return "", err
		}
		err = w.Pool.QueryRow(ctx, `SELECT data ->> 'secret' FROM mails WHERE kind = 'invitation' ORDER BY created_at DESC LIMIT 1`).Scan(&token)
		return strings.TrimPrefix(token, "/invitations/"), err
	}
	third := must[uuid.UUID](t)(w.DB.CreateOrganization(ctx, uuid.Nil, "Third"))
	noError(t, w.DB.AddMember(ctx, uuid.Nil, third, w.Person, store.RoleManager))
	must[string](t)(invite(third, w.Person, store.RoleMember))
	_, err := invite(third, w.Person, store.RoleOwner)
	wantCode(t, err, "role") // owning another organization is not owning this one
	token := must[string](t)(invite(w.Organization, w.Person, store.RoleMember))
	must[store.Invitation](t)(w.DB.AcceptInvitation(ctx, token, store.Session{PersonID: bo, Email: "bo@example.org"}))
	// A cap there bounds nothing here.
	if c, err := w.DB.CapOf(ctx, w.Organization, bo); err != nil || c != nil {
		t.Errorf("a cap of the other organization counts: %+v, %v", c, err)
	}
	if caps, err := w.DB.Caps(ctx, w.Organization); err != nil || len(caps) != 0 {
		t.Errorf("caps of the other organization are listed: %v, %v", caps, err)
	}
	if _, err := w.DB.LaunchCluster(ctx, w.Organization, bo, oneHour(w, "free", 3)); err != nil {
		t.Errorf("4 h above the other organization's cap: %v", err)
	}
}
