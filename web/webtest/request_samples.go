package webtest

import (
	"net/url"
	"time"

	"volary.dev/provisioner/refusal"
	"volary.dev/web/layout"
	"volary.dev/web/org"
	"volary.dev/web/provider"
	"volary.dev/web/ui"
)

func requestSamples() []Sample {
	list := ui.ListProps{Path: "/org/requests", PerPage: 50, Total: 4}
	full := org.RequestListProps{Layout: managerLayout(), List: list, MayDecide: true, All: true, NeedMCS: 421 * hour, Requests: requestRows()}
	own := org.RequestListProps{Layout: orgLayout(), List: list, NeedMCS: 421 * hour, Requests: requestRows()}
	narrowed := org.RequestListProps{Layout: managerLayout(), MayDecide: true, All: true, Search: "nothing", List: ui.ListProps{Path: "/org/requests", PerPage: 50, Query: url.Values{"search": {"nothing"}}}}
	show := org.RequestShowProps{Layout: managerLayout(), Request: requestRows()[0], MayDecide: true}
	refusedShow := show
	refusedShow.Form = ui.Form{Refusal: &refusal.Error{
		Code: "capacity", Title: "The pool lab-a has no room for all 13 nodes: 52 vCPUs are needed, 20 of the pool's 92 for clusters are free.",
		Next: "Take fewer compute nodes, choose another pool, or try again when others have ended.", Detail: []string{"host-1: 4 vCPUs are needed, 2 of 32 are free"},
	}}
	wrong := show
	wrong.Form = refused(map[string]string{"reason": "Fill in a reason."})
	return []Sample{
		{"search", org.Search(org.SearchProps{Layout: foundLayout(), Search: foundByTrial()})},
		{"search-nothing", org.Search(org.SearchProps{Layout: managerLayout(), Search: ui.SearchProps{Path: "/org/search", Typed: "مختبر", What: "members, orders, invoices, clusters, models and images"}})},
		{"search-begin", org.Search(org.SearchProps{Layout: managerLayout(), Search: ui.SearchProps{Path: "/org/search", What: "members, orders, invoices, clusters, models and images"}})},
		{"provider-search", provider.Search(provider.SearchProps{Layout: providerLayout(), Search: foundByTrial()})},
		{"requests", org.RequestList(full)},
		{"requests-own", org.RequestList(own)},
		{"requests-none", org.RequestList(narrowed)},
		{"requests-empty", org.RequestList(org.RequestListProps{Layout: orgLayout(), List: ui.ListProps{Path: "/org/requests"}})},
		{"request", org.RequestShow(show)},
		{"request-no-room", org.RequestShow(refusedShow)},
		{"request-refused", org.RequestShow(wrong)},
		{"request-approved", org.RequestShow(org.RequestShowProps{Layout: managerLayout(), Request: requestRows()[3]})},
		{"request-extension", org.RequestShow(org.RequestShowProps{Layout: managerLayout(), Request: extensionRow(), MayDecide: true})},
		{"request-declined", org.RequestShow(org.RequestShowProps{Layout: orgLayout(), Request: requestRows()[2]})},
	}
}

func requestRows() []org.RequestRow {
	row := org.RequestRow{
		ID: id(81), Own: true, Person: "Bo Lindqvist", Name: "solar-sweep", Version: org.VersionLink{ID: id(20), ModelName: "mpi-lab", Version: "2"},
		Pool: "lab-a", Provider: "Northern Compute", Nodes: 13, Lease: 8 * time.Hour, NeedMCS: 416 * hour, State: "waiting",
		Created: ago(40 * time.Minute), Capped: "Bo Lindqvist", Cap: &org.Cap{MCS: 200 * hour, LeftMCS: 61 * hour, Since: ago(600 * time.Hour)}, LeftMCS: 833 * hour, When: "now",
		References: org.References{CostCentre: "4711", GrantNumber: "ERC-2026-113"},
	}
	later, declined, approved := row, row, row
	later.ID, later.Own, later.Person, later.Name, later.Start, later.When, later.Cap = id(82), false, "Chi Okafor", "night-run", true, "", nil
	declined.ID, declined.Name, declined.State, declined.Reason = id(83), "too-much", "declined", "The grant ends this month. Ask again in December."
	declined.DecidedBy, declined.Decided = "Ada Brandt", ago(26*time.Hour)
	approved.ID, approved.Name, approved.State, approved.DecidedBy, approved.Decided, approved.Cluster = id(84), "trial-9", "approved", "Ada Brandt", ago(50*time.Hour), id(30)
	return []org.RequestRow{row, later, declined, approved}
}

func extensionRow() org.RequestRow {
	r := requestRows()[0]
	r.ID, r.Own, r.Extend, r.Lease, r.NeedMCS, r.When = id(85), false, true, 3*time.Hour, 39*hour, ""
	return r
}

func foundLayout() layout.Props {
	l := managerLayout()
	l.Found = "trial"
	return l
}

func foundByTrial() ui.SearchProps {
	return ui.SearchProps{Path: "/org/search", Typed: "trial", What: "members, orders, invoices, clusters, models and images", Groups: []ui.SearchGroup{
		{Title: "Clusters", Total: 31, All: "/org/clusters?search=trial", Rows: []ui.SearchRow{
			{Name: "trial-12", Detail: "solar wind, version 2.1", Where: "/org/clusters/1", At: ago(time.Hour)},
			{Name: "trial-with-a-long-name-of-sixty-three-characters-as-the-most-is-xy", Detail: "a model with a name that is not short either, version 2.1", Where: "/org/clusters/2", At: ago(50 * time.Hour)},
			{Name: "trial-1", Detail: "solar wind, version 1.0", Where: "/org/clusters/3", At: ago(900 * time.Hour), Gone: true},
		}},
		{Title: "Members", Total: 1, Rows: []ui.SearchRow{{Name: "Tria Lindqvist", Detail: "tria@heliophysics.example, member", Where: "/org/members?q=tria", At: ago(1200 * time.Hour)}}},
		{Title: "Orders", Total: 1, Rows: []ui.SearchRow{{Name: "Order 4", Detail: "Northern Compute, approved", Where: "/org/orders/4", At: ago(700 * time.Hour)}}},
	}}
}
