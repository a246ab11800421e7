package webtest

import (
	"time"

	"volary.dev/web/layout"
	"volary.dev/web/org"
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
	}
}

func log(path string) ui.LogProps {
	return ui.LogProps{
		List: ui.ListProps{Path: path, PerPage: 50, Total: 61}, Counted: 10_000, Entries: []ui.LogEntry{
			{At: ago(3 * time.Minute), Person: "Noor Vermeer", Verb: "look at console", Subject: "cluster", Name: "trial-1", Where: "/org/clusters/1", Other: "Northern Compute", Details: []string{"node: head", "part: log"}},
			{At: ago(time.Hour), Person: "Ada Brandt", Verb: "launch cluster", Subject: "cluster", Name: "trial-1", Where: "/org/clusters/1", Other: "Northern Compute", Details: []string{"held: 8.00 h", "lease: 2 h", "nodes: 4"}},
			{At: ago(26 * time.Hour), Verb: "end lease", Subject: "cluster", Name: "night-run", Other: "Northern Compute"},
			{At: ago(27 * time.Hour), Person: "Ada Brandt", Verb: "sign in", Subject: "session"},
		},
	}
}
