package request

import (
	"testing"

	"github.com/google/uuid"

	"volary.dev/store"
)

func TestRolesAreWorthNothingElsewhere(t *testing.T) {
	id := uuid.New()
	for _, c := range []struct {
		name string
		s    *store.Session
		p    Permission
		want bool
	}{
		{"nobody signed in", nil, OrgRead, false},
		{"anyone", nil, Anyone, true},
		{"signed in", nil, SignedIn, false},
		{"an owner", &store.Session{OrganizationID: &id, OrganizationRole: store.RoleOwner}, OrgWork, true},
		{"a role without its organization", &store.Session{OrganizationRole: store.RoleOwner}, OrgWork, false},
		{"billing reads", &store.Session{OrganizationID: &id, OrganizationRole: store.RoleBilling}, OrgRead, true},
		{"billing does not launch", &store.Session{OrganizationID: &id, OrganizationRole: store.RoleBilling}, OrgWork, false},
		{"staff is no member", &store.Session{ProviderID: &id, ProviderRole: store.StaffAdmin}, OrgRead, false},
		{"a member is no staff", &store.Session{OrganizationID: &id, OrganizationRole: store.RoleOwner}, ProviderRead, false},
		{"an accountant has no hosts", &store.Session{ProviderID: &id, ProviderRole: store.StaffAccountant}, ProviderHosts, false},
		{"the platform's admin has no work of others", &store.Session{PlatformAdmin: true}, OrgRead, false},
		{"an unknown permission", &store.Session{OrganizationID: &id, OrganizationRole: store.RoleOwner}, "unknown", false},
		{"an unknown role", &store.Session{OrganizationID: &id, OrganizationRole: "king"}, OrgRead, false},
	} {
		if got := May(c.s, c.p); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
