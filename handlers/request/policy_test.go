package request

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/store/people"
)

func TestAuditorsReadTheirPlaceAlone(t *testing.T) {
	id := uuid.New()
	member, staff := &people.Session{OrganizationID: &id, OrganizationRole: people.RoleAuditor}, &people.Session{ProviderID: &id, ProviderRole: people.StaffAuditor}
	for p, reader := range map[Permission]*people.Session{
		OrgRead: member, OrgWork: member, OrgOrder: member, OrgManage: member, OrgOwn: member, OrgConsole: nil,
		ProviderRead: staff, ProviderHosts: staff, ProviderUsage: staff, ProviderOrders: staff, ProviderPrices: staff, ProviderNotify: staff, ProviderOwn: staff, ProviderLog: staff,
		ProviderConsole: nil, Platform: {PlatformAuditor: true},
	} {
		for _, s := range []*people.Session{member, staff, {PlatformAuditor: true}, {OrganizationRole: people.RoleAuditor}} {
			if May(s, p) {
				t.Errorf("%+v may %s", s, p)
			}
			if want := reader != nil && s.OrganizationID == reader.OrganizationID && s.ProviderID == reader.ProviderID && s.PlatformAuditor == reader.PlatformAuditor && (s.OrganizationID != nil || s.OrganizationRole == ""); MayRead(s, p) != want {
				t.Errorf("%+v reads %s: %v", s, p, !want)
			}
		}
	}
}

func TestRolesAreWorthNothingElsewhere(t *testing.T) {
	id := uuid.New()
	for _, c := range []struct {
		name string
		s    *people.Session
		p    Permission
		want bool
	}{
		{"nobody signed in", nil, OrgRead, false},
		{"anyone", nil, Anyone, true},
		{"signed in", nil, SignedIn, false},
		{"an owner", &people.Session{OrganizationID: &id, OrganizationRole: people.RoleOwner}, OrgWork, true},
		{"a role without its organization", &people.Session{OrganizationRole: people.RoleOwner}, OrgWork, false},
		{"billing reads", &people.Session{OrganizationID: &id, OrganizationRole: people.RoleBilling}, OrgRead, true},
		{"billing does not launch", &people.Session{OrganizationID: &id, OrganizationRole: people.RoleBilling}, OrgWork, false},
		{"staff is no member", &people.Session{ProviderID: &id, ProviderRole: people.StaffAdmin}, OrgRead, false},
		{"a member is no staff", &people.Session{OrganizationID: &id, OrganizationRole: people.RoleOwner}, ProviderRead, false},
		{"an accountant has no hosts", &people.Session{ProviderID: &id, ProviderRole: people.StaffAccountant}, ProviderHosts, false},
		{"the platform's admin has no work of others", &people.Session{PlatformAdmin: true}, OrgRead, false},
		{"an unknown permission", &people.Session{OrganizationID: &id, OrganizationRole: people.RoleOwner}, "unknown", false},
		{"an unknown role", &people.Session{OrganizationID: &id, OrganizationRole: "king"}, OrgRead, false},
	} {
		if got := May(c.s, c.p); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
