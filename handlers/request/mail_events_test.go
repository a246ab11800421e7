package request_test

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/handlers/request"
	"volary.dev/store"
	"volary.dev/store/people"
)

// eventPages are the permissions of the pages that mails of events link to: who may not open one is not mailed what it says. A
// person's own requests are shown to whoever may work there.
func eventPages() map[store.MailEvent]request.Permission {
	return map[store.MailEvent]request.Permission{
		store.EventClusterReady: request.OrgWork, store.EventClusterFailed: request.OrgWork, store.EventClusterEnded: request.OrgWork,
		store.EventClusterStaff: request.OrgWork, store.EventNodesLost: request.OrgWork, store.EventLeaseEnds: request.OrgWork,
		store.EventTestEnded: request.OrgWork, store.EventUploadStale: request.OrgWork, store.EventRequest: request.OrgManage, store.EventHoursLow: request.OrgRead,
		store.EventHoursExpire: request.OrgRead, store.EventOrderEnded: request.OrgOrder, store.EventOverdue: request.OrgOrder, store.EventAnnouncement: request.OrgRead,
		store.EventHostLost: request.ProviderHosts, store.EventOrder: request.ProviderOrders, store.EventLedger: request.Platform,
		store.EventHeads: request.ProviderUsage, store.EventStatement: request.OrgOrder, store.EventAllHeads: request.Platform,
	}
}

func TestMailEventsFollowThePolicy(t *testing.T) {
	pages, id := eventPages(), uuid.Max
	for _, r := range store.MailEvents() {
		p, said := pages[r.Event]
		if !said && r.Event != store.EventRequestEnded {
			t.Errorf("%s: no page is said", r.Event)
		}
		for _, role := range []string{"owner", "manager", "member", "billing", "auditor", "admin", "operator", "accountant"} {
			_, mailed := r.Roles[role]
			var s people.Session
			switch r.Kind {
			case store.PlaceOrganization:
				s.OrganizationID, s.OrganizationRole = &id, people.OrganizationRole(role)
			case store.PlaceProvider:
				s.ProviderID, s.ProviderRole = &id, people.StaffRole(role)
			case store.PlacePlatform:
				s.PlatformAdmin = role == "admin"
			}
			may := request.MayRead(&s, p)
			if r.Event == store.EventRequestEnded {
				may = request.May(&s, request.OrgWork)
			}
			if may != mailed {
				t.Errorf("%s: %s may open the page: %t, may be mailed: %t", r.Event, role, may, mailed)
			}
		}
	}
}
