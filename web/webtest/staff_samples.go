package webtest

import (
	"time"

	"volary.dev/provisioner/refusal"
	"volary.dev/web/account"
	"volary.dev/web/layout"
	"volary.dev/web/org"
	"volary.dev/web/platform"
	"volary.dev/web/provider"
	"volary.dev/web/ui"
)

// staffSamples are the pages of staff beside hosts and clusters.
func staffSamples() []Sample {
	announced := orgLayout()
	announced.Announcements = []layout.Announcement{
		{ID: id(95).String(), Provider: "Northern Compute", Pool: "lab-a", Title: "Cooling is repaired on Tuesday", Text: "host-1 and host-2 rest from 06:00 to 09:00 UTC.\nClusters on them should be stopped before.", Warning: true, Until: now().Add(40 * time.Hour)},
		{ID: id(96).String(), Provider: "Harbour Cloud", Title: "A new pool", Text: "Hours bought before are good on it."},
	}
	return []Sample{
		{"org-log", org.Log(org.LogProps{Layout: announced, Log: log("/org/log")})},
		{"org-log-refused", org.Log(org.LogProps{Layout: orgLayout(), Log: ui.LogProps{
			List: ui.ListProps{Path: "/org/log"}, From: "yesterday", Form: refused(map[string]string{"from_at": "The beginning has to be a date and time like 2026-11-22T15:20."}),
		}})},
		{"provider-log", provider.Log(provider.LogProps{Layout: providerLayout(), Log: log("/provider/log")})},
		{"provider-log-empty", provider.Log(provider.LogProps{Layout: providerLayout(), Log: ui.LogProps{List: ui.ListProps{Path: "/provider/log"}}})},
		{"announcements", provider.AnnouncementList(provider.AnnouncementListProps{
			Layout: providerLayout(), List: ui.ListProps{Path: "/provider/announcements", PerPage: 50, Total: 2}, Announcements: []provider.AnnouncementRow{
				{ID: id(95), Title: "Cooling is repaired on Tuesday", Text: "host-1 and host-2 rest from 06:00 to 09:00 UTC.", Pool: "lab-a", Warning: true, Person: "Noor Vermeer", From: ago(time.Hour), Until: now().Add(40 * time.Hour), Shown: true},
				{ID: id(96), Title: "A new pool", Text: "Hours bought before are good on it.", Person: "Noor Vermeer", From: now().Add(24 * time.Hour)},
			},
		})},
		{"announcements-empty", provider.AnnouncementList(provider.AnnouncementListProps{Layout: providerLayout(), List: ui.ListProps{Path: "/provider/announcements"}})},
		{"announcement-new-refused", provider.AnnouncementNew(provider.AnnouncementNewProps{
			Layout: providerLayout(), Pools: []provider.PoolRow{pool()}, Title: "Cooling", Tone: "warning", From: "2026-11-24T06:00", Until: "2026-11-23T09:00", Mail: true,
			Form: refused(map[string]string{"text": "Write what is to be told.", "until_at": "The end has to come after the beginning."}),
		})},
		{"jobs", provider.JobList(provider.JobListProps{Layout: providerLayout(), Jobs: jobs("/provider/jobs")})},
		{"jobs-empty", provider.JobList(provider.JobListProps{Layout: providerLayout(), Jobs: ui.JobsProps{Base: "/provider/jobs", Of: "provider", List: ui.ListProps{Path: "/provider/jobs"}, At: now()}})},
		{"platform-jobs", platform.JobList(platform.JobListProps{Layout: platformLayout(), Jobs: jobs("/platform/jobs")})},
		{"staff", provider.StaffList(staffList())},
		{"staff-refused", provider.StaffList(staffRefused())},
		{"staff-invitations", provider.InvitationList(provider.InvitationListProps{Layout: providerLayout(), Invitations: invitations("/provider/invitations", provider.StaffRoles())})},
		{"staff-invitation", provider.InvitationShow(provider.InvitationShowProps{Layout: providerLayout(), Link: "https://volary.example/invitations/3hG7kQ2vXbN8pR5tLmYcZdWfJsAeUoIq"})},
		{"provider-settings", provider.Settings(settings())},
		{"provider-settings-refused", provider.Settings(settingsRefused())},
		{"application", account.Application(account.ApplicationProps{Layout: accountLayout(), Currency: "EUR", AccountingZone: "Europe/Berlin"})},
		{"application-waiting", account.Application(account.ApplicationProps{
			Layout: accountLayout(), State: "applied", Provider: "Harbour Cloud", Applied: ago(time.Hour), Name: "Harbour Cloud", LegalName: "Harbour Cloud Ltd", Currency: "GBP", InvoicePrefix: "HC",
			AccountingZone: "Europe/London", SupportContact: "help@harbour.example",
		})},
		{"application-rejected", account.Application(account.ApplicationProps{
			Layout: accountLayout(), State: "rejected", Provider: "Harbour Cloud", Reason: "The tax id is missing.", Name: "Harbour Cloud", LegalName: "Harbour Cloud Ltd", Currency: "GBP", InvoicePrefix: "1",
			AccountingZone: "Europe/London", SupportContact: "help@harbour.example", Form: refused(map[string]string{"invoice_prefix": "Write 2 to 8 capital letters and digits that begin with a letter, such as NC."}),
		})},
		{"platform-providers", platform.ProviderList(platform.ProviderListProps{Layout: platformLayout(), List: ui.ListProps{Path: "/platform/providers", PerPage: 50, Total: 3}, Providers: []platform.ProviderRow{
			providerRow("applied", ""),
			{ID: id(98), Name: "Northern Compute", State: "active", Created: ago(900 * time.Hour), Pools: 2, Hosts: 14, Clusters: 7, UsedMCS: 3110 * hour},
			{ID: id(99), Name: "Polar", State: "suspended", Reason: "Invoices are unpaid since September.", Created: ago(900 * time.Hour), Hosts: 3},
		}})},
		{"platform-providers-empty", platform.ProviderList(platform.ProviderListProps{Layout: platformLayout(), List: ui.ListProps{Path: "/platform/providers"}})},
		{"platform-provider-applied", platform.ProviderShow(platformProvider("applied", ""))},
		{"platform-provider-suspended", platform.ProviderShow(platformProvider("suspended", "Invoices are unpaid since September."))},
		{"platform-provider-refused", platform.ProviderShow(platformProviderRefused())},
	}
}

func jobs(base string) ui.JobsProps {
	return ui.JobsProps{
		Base: base, Of: "provider", List: ui.ListProps{Path: base, PerPage: 50, Total: 4}, At: now(), Providers: base == "/platform/jobs",
		Kinds: []ui.Option{{Value: "check_host", Label: ui.JobKind("check_host")}},
		Jobs: []ui.JobRow{
			{ID: "14", Kind: "run_acceptance", Subject: "test-9c1", Provider: "Northern Compute", State: "running", Attempt: 1, MaxAttempts: 3, Due: ago(time.Minute), Tried: ago(time.Minute), MayCancel: true},
			{ID: "13", Kind: "check_host", Subject: "host-3", Where: "/provider/hosts/3", Provider: "Northern Compute", State: "retryable", Attempt: 2, MaxAttempts: 3, Error: "dial tcp 192.0.2.13:16514: connect: connection refused", Due: now().Add(time.Minute), Tried: ago(time.Minute), MayRetry: true, MayCancel: true},
			{ID: "12", Kind: "check_host", Subject: "host-2", Where: "/provider/hosts/2", Provider: "Northern Compute", State: "completed", Attempt: 1, MaxAttempts: 3, Due: ago(time.Hour), End: ago(50 * time.Minute)},
			{ID: "11", Kind: "check_host", Subject: "host-1", Where: "/provider/hosts/1", Provider: "Northern Compute", State: "discarded", Attempt: 3, MaxAttempts: 3, Error: "its worker died", Due: ago(2 * time.Hour), End: ago(110 * time.Minute), MayRetry: true},
		},
	}
}

func staffList() provider.StaffListProps {
	return provider.StaffListProps{
		Layout: providerLayout(), List: ui.ListProps{Path: "/provider/staff", PerPage: 50, Total: 2}, Staff: []provider.StaffRow{
			{ID: id(31), Name: "Noor Vermeer", Email: "noor@northern.example", Role: "admin", Since: ago(900 * time.Hour), Self: true},
			{ID: id(32), Name: "Emil Lund", Email: "emil@xn--bcher-kva.example", Role: "accountant", Since: ago(300 * time.Hour)},
		},
		Invited: 2,
	}
}

func staffRefused() provider.StaffListProps {
	p := staffList()
	p.Form = ui.Form{Refusal: &refusal.Error{Code: "last_admin", Title: "This is the provider's only admin, and there has to be one.", Next: "Make someone else an admin first."}}
	return p
}

func settings() provider.SettingsProps {
	return provider.SettingsProps{
		Layout: providerLayout(), Name: "Northern Compute", Currency: "EUR", ZoneFixed: true, LegalName: "Northern Compute GmbH", TaxID: "DE123456789", InvoicePrefix: "NC",
		AccountingZone: "Europe/Berlin", SupportContact: "help@northern.example, weekdays 8 to 17", About: "Two halls by the harbour, cooled by the Elbe.", Terms: "Payable within 30 days.", KeptDays: "30", KeptGiB: "500",
	}
}

func settingsRefused() provider.SettingsProps {
	p := settings()
	p.AccountingZone = "Europe/Oslo"
	p.Form = refused(map[string]string{"accounting_zone": "Hours were booked in months of Europe/Berlin: closed periods would change with it."})
	return p
}

func providerRow(state, reason string) platform.ProviderRow {
	return platform.ProviderRow{ID: id(97), Name: "Harbour Cloud", State: state, Reason: reason, Applicant: "Tove Berg", Created: ago(time.Hour)}
}

func platformProvider(state, reason string) platform.ProviderShowProps {
	return platform.ProviderShowProps{
		Layout: platformLayout(), Row: providerRow(state, reason), LegalName: "Harbour Cloud Ltd", Currency: "GBP", InvoicePrefix: "HC", AccountingZone: "Europe/London",
		SupportContact: "help@harbour.example", About: "A new hall with forty hosts.", Terms: "Payable within 30 days.", ApplicantEmail: "tove@harbour.example", Applied: ago(time.Hour),
	}
}

func platformProviderRefused() platform.ProviderShowProps {
	p := platformProvider("active", "")
	p.Typed, p.Form = "x", refused(map[string]string{"reason": "Write 3 to 500 characters without blanks at either end; these are 1."})
	return p
}

func log(path string) ui.LogProps {
	return ui.LogProps{
		List: ui.ListProps{Path: path, PerPage: 50, Total: 61}, Counted: 10_000, Entries: []ui.LogEntry{
			{At: ago(3 * time.Minute), Person: "Noor Vermeer", Verb: "look at console", Subject: "cluster", Name: "trial-1", Where: "/org/clusters/1", Other: "Northern Compute", Details: []string{"node: head", "part: log"}},
			{At: ago(time.Hour), Person: "Ada Brandt", Verb: "launch cluster", Subject: "cluster", Name: "trial-1", Where: "/org/clusters/1", Other: "Northern Compute", Details: []string{"set aside: 8.00 CH", "lease: 2 h", "nodes: 4"}},
			{At: ago(2 * time.Hour), Verb: "make image", Subject: "image", Name: "debian-12-slurm.qcow2", Where: "/org/images/1", Details: ui.Details(map[string]any{"canonical_digest": digest(2)}, nil)},
			{At: ago(26 * time.Hour), Verb: "end lease", Subject: "cluster", Name: "night-run", Other: "Northern Compute"},
			{At: ago(27 * time.Hour), Person: "Ada Brandt", Verb: "sign in", Subject: "session"},
		},
	}
}
