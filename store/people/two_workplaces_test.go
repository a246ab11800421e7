package people_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// TestWhoWorksForTwoIsChangedByOneAlone has somebody work for two organizations and two providers: what one of them
// decides about the person leaves the other alone.
func TestWhoWorksForTwoIsChangedByOneAlone(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo := storetest.Member(t, w, "bo@example.org")
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Other"))
	south := storetest.Must[uuid.UUID](t)(w.DB.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: "South", Currency: "EUR", AccountingZone: "UTC"}))
	storetest.NoError(t, w.DB.People.AddMember(ctx, uuid.Nil, other, w.Person, people.RoleOwner))
	storetest.NoError(t, w.DB.People.AddMember(ctx, uuid.Nil, other, bo, people.RoleMember))
	for _, provider := range []uuid.UUID{w.Provider, south} {
		storetest.NoError(t, w.DB.People.AddStaff(ctx, uuid.Nil, provider, w.Person, people.StaffAdmin))
		storetest.NoError(t, w.DB.People.AddStaff(ctx, uuid.Nil, provider, bo, people.StaffOperator))
	}
	three := 3 * billing.ComputeHour
	storetest.NoError(t, w.DB.Machines.SetCap(ctx, other, w.Person, bo, &three))
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
		{"cap", func() error { return w.DB.Machines.SetCap(ctx, w.Organization, w.Person, bo, &none) }},
		{"role", func() error { return w.DB.People.ChangeMember(ctx, w.Organization, w.Person, bo, people.RoleManager) }},
		{"staff role", func() error {
			return w.DB.People.ChangeStaffRole(ctx, w.Person, w.Provider, bo, people.StaffAccountant)
		}},
		{"removal", func() error { return w.DB.People.RemoveMember(ctx, w.Organization, w.Person, bo) }},
		{"staff removal", func() error { return w.DB.People.RemoveStaff(ctx, w.Person, w.Provider, bo) }},
	} {
		storetest.NoError(t, c.do())
		if after := elsewhere(); after != before {
			t.Fatalf("%s: the other place's rows were\n%s\nand are\n%s", c.name, before, after)
		}
	}
	// An owner there is no owner here.
	storetest.WantCode(t, w.DB.People.ChangeMember(ctx, w.Organization, w.Person, w.Person, people.RoleMember), "last_owner")
	storetest.WantCode(t, w.DB.People.RemoveStaff(ctx, w.Person, w.Provider, w.Person), "last_admin")
	// Who works, or is invited, there may be invited here, and accept.
	invite := func(at, by uuid.UUID, role people.OrganizationRole) (token string, err error) {
		if _, _, err = w.DB.People.InviteToOrganization(ctx, at, by, people.NewInvitation{Email: "bo@example.org", Role: string(role)}); err != nil {
			return "", err
		}
		_, token = storetest.LastMail(t, w.Pool, "bo@example.org")
		return strings.TrimPrefix(token, "/invitations/"), nil
	}
	third := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Third"))
	storetest.NoError(t, w.DB.People.AddMember(ctx, uuid.Nil, third, w.Person, people.RoleManager))
	storetest.Must[string](t)(invite(third, w.Person, people.RoleMember))
	_, err := invite(third, w.Person, people.RoleOwner)
	storetest.WantCode(t, err, "role") // owning another organization is not owning this one
	token := storetest.Must[string](t)(invite(w.Organization, w.Person, people.RoleMember))
	storetest.Must[people.Invitation](t)(w.DB.People.AcceptInvitation(ctx, token, people.Session{PersonID: bo, Email: "bo@example.org"}))
	// The cap that they had here counts again until it is taken away; one there bounds nothing here.
	if c := storetest.CapOf(t, w, bo); c == nil {
		t.Error("who left and came back has lost the cap")
	}
	storetest.NoError(t, w.DB.Machines.SetCap(ctx, w.Organization, w.Person, bo, nil))
	if c := storetest.CapOf(t, w, bo); c != nil {
		t.Errorf("a cap of the other organization counts: %+v", c)
	}
	if caps, err := w.DB.Machines.Caps(ctx, w.Organization); err != nil || len(caps) != 0 {
		t.Errorf("caps of the other organization are listed: %v, %v", caps, err)
	}
	if _, err := w.DB.Machines.LaunchCluster(ctx, w.Organization, bo, storetest.OneHour(w, "free", 3)); err != nil {
		t.Errorf("4 h above the other organization's cap: %v", err)
	}
}
