package webtest

import (
	"net/url"
	"time"

	"volary.dev/provisioner/refusal"
	"volary.dev/web/layout"
	"volary.dev/web/platform"
	"volary.dev/web/ui"
)

func platformLayout() layout.Props {
	return layout.Props{Area: layout.AreaPlatform, Person: &layout.Person{Name: "Rita Root", Email: "rita@volary.example"}, PlatformAdmin: true, Now: now(), Version: "v0.1.0"}
}

func platformSamples() []Sample {
	l := platformLayout()
	list := func(path string, total int) ui.ListProps {
		return ui.ListProps{Path: path, PerPage: 50, Total: total}
	}
	nothing := ui.ListProps{PerPage: 50, Query: url.Values{"q": {"zoe"}}}
	helio := platform.OrganizationRow{ID: id(1), Name: "Heliophysics", Created: ago(5000 * time.Hour), Members: 12, Clusters: 3, Running: 2}
	tidal := platform.OrganizationRow{ID: id(2), Name: "Tidal Genomics", Created: ago(900 * time.Hour), Suspended: ago(40 * time.Hour), Reason: "an invoice of August is still open", Members: 2}
	ada := platform.PersonRow{ID: id(3), Name: "Ada Brandt", Email: "ada@heliophysics.example", Created: ago(5000 * time.Hour), Seen: ago(time.Minute), Workplaces: 2}
	mal := platform.PersonRow{ID: id(4), Name: "Mal Lory", Email: "mal@nowhere.example", Created: ago(50 * time.Hour), Suspended: ago(time.Hour), Reason: "asked us to send mails to strangers"}
	kept := platform.MailRow{ID: id(5), To: "ben@heliophysics.example", Kind: "invitation", Subject: "Ada Brandt invites you to Heliophysics at Volary", State: "kept", Created: ago(time.Hour)}
	failed := platform.MailRow{ID: id(6), To: "eva@heliophysics.example", Kind: "order_decided", State: "failed", Created: ago(20 * time.Hour)}
	sent := platform.MailRow{ID: id(7), To: "ada@heliophysics.example", Kind: "reset", Subject: "Choose a new password at Volary", State: "sent", Created: ago(30 * time.Hour), Sent: ago(30 * time.Hour)}
	members := []platform.MemberRow{{ID: id(3), Name: "Ada Brandt", Email: "ada@heliophysics.example", Role: "owner", Since: ago(5000 * time.Hour)}}
	return []Sample{
		{"platform", platform.Overview(platform.OverviewProps{Layout: l, Refresh: "/platform", Organizations: 41, OrganizationsSuspended: 1, People: 203, PeopleSuspended: 1, Admins: 1, SignUps: 4, MailsKept: 2, MailsFailed: 1, MailsRefused: 2, Clusters: 17, ImagesLost: 3, LedgerDay: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC), LedgerDifference: "Tidal Dynamics at Northern Compute: the cost of the use of lot 019ac6d2-1f00-7000-8000-000000000031 is 41.00 EUR, its lines say 40.00 EUR", LedgerStuck: true})},
		{"platform-empty", platform.Overview(platform.OverviewProps{Layout: l, Refresh: "/platform", Admins: 2, People: 2})},
		{"platform-organizations", platform.OrganizationList(platform.OrganizationListProps{Layout: l, List: list("/platform/organizations", 2), Organizations: []platform.OrganizationRow{helio, tidal}})},
		{"platform-organizations-empty", platform.OrganizationList(platform.OrganizationListProps{Layout: l, List: list("/platform/organizations", 0)})},
		{"platform-organization", platform.OrganizationShow(platform.OrganizationShowProps{Layout: l, Organization: helio, Quota: someQuota(), CommonQuota: 256 * gib, List: list("/platform/organizations/1", 1), Members: members, Typed: "no", Form: refused(map[string]string{"reason": "The reason has 2 characters; between 5 and 500 are taken."})})},
		{"platform-organization-suspended", platform.OrganizationShow(platform.OrganizationShowProps{Layout: l, Organization: tidal, Quota: ui.QuotaProps{Allowed: 100 * gib, Stored: 95 * gib}, OwnQuota: "many", QuotaForm: refused(map[string]string{"quota": "Give the quota as a whole number between 0 and 1048576; “many” is not a whole number."}), CommonQuota: 256 * gib, List: list("/platform/organizations/2", 1), Members: members})},
		{"platform-people", platform.PersonList(platform.PersonListProps{Layout: l, List: list("/platform/people", 2), People: []platform.PersonRow{ada, mal}})},
		{"platform-people-nomatch", platform.PersonList(platform.PersonListProps{Layout: l, List: nothing, Text: "zoe"})},
		{"platform-person", platform.PersonShow(platform.PersonShowProps{Layout: l, Person: ada, Places: []platform.PlaceRow{{Kind: "Organization", Name: "Heliophysics", Role: "owner", Where: "/platform/organizations/1"}, {Kind: "Provider", Name: "Northern Compute", Role: "accountant"}}})},
		{"platform-person-suspended", platform.PersonShow(platform.PersonShowProps{Layout: l, Person: mal, Form: ui.Form{Refusal: &refusal.Error{Code: "last_admin", Title: "The platform would be left without an admin: there is 1 now.", Next: "Make someone else an admin first."}}})},
		{"platform-log", platform.Log(platform.LogProps{Layout: l, Log: log("/platform/log"), Place: "Helio"})},
		{"outbox", platform.MailList(platform.MailListProps{Layout: l, List: list("/platform/outbox", 3), Mails: []platform.MailRow{kept, failed, sent}})},
		{"outbox-empty", platform.MailList(platform.MailListProps{Layout: l, List: list("/platform/outbox", 0)})},
		{"outbox-mail", platform.MailShow(platform.MailShowProps{
			Layout: l, Mail: kept, Attempts: 1, Sealed: true,
			Body: "Hello,\n\nAda Brandt invites you to Heliophysics as member. Open this page to accept; without an account you make one there:\n\n(the link is in the mail alone)\n",
		})},
		{"outbox-mail-failed", platform.MailShow(platform.MailShowProps{Layout: l, Mail: failed, Attempts: 12, Error: "send mail: dial tcp 192.0.2.1:587: connection refused"})},
	}
}
