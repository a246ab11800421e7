package request

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/store/people"
)

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
