package layout

import (
	"slices"
	"time"
)

type link struct{ Label, Href, Section string }

// group is a part of a navigation. The first of an area has no name: it holds its overview.
type group struct {
	Name  string
	Links []link
}

// navigation leaves out what the person may not open, and groups that nothing is left of.
func navigation(p Props) []group {
	var list []group
	for _, g := range sections(p.Area) {
		g.Links = slices.DeleteFunc(g.Links, func(l link) bool { return slices.Contains(p.Closed, l.Section) })
		if len(g.Links) > 0 {
			list = append(list, g)
		}
	}
	return list
}

// waiting is how much waits for the person behind all links: what a closed menu shows.
func waiting(p Props) (sum int) {
	for _, g := range navigation(p) {
		for _, l := range g.Links {
			sum += p.Counts[l.Section]
		}
	}
	return sum
}

// searchPath is where the search of an area's frame is sent; none where it has none. Whoever works nowhere has nothing to search.
func searchPath(p Props) string {
	switch p.Area {
	case AreaProvider:
		return "/provider/search"
	case AreaOrg:
		return "/org/search"
	default:
		return ""
	}
}

func sections(a Area) []group {
	switch a {
	case AreaPublic:
		return []group{{"", []link{
			{"Market", "/market", SectionMarket},
			{"Images", "/market/images", SectionGuide},
		}}}
	case AreaOrg:
		return []group{
			{"", []link{{"Overview", "/org", SectionHome}}},
			{"Compute", []link{
				{"Clusters", "/org/clusters", SectionClusters},
				{"Models", "/org/models", SectionModels},
				{"Images", "/org/images", SectionImages},
				{"Requests", "/org/requests", SectionRequests},
			}},
			{"Hours", []link{
				{"Market", "/market", SectionMarket},
				{"Wallet", "/org/wallet", SectionWallet},
				{"Orders", "/org/orders", SectionOrders},
				{"Invoices", "/org/invoices", SectionInvoices},
				{"Statements", "/org/statements", SectionStatements},
				{"Usage", "/org/usage", SectionUsage},
				{"Exports", "/org/exports", SectionExports},
			}},
			{"People", []link{
				{"Members", "/org/members", SectionMembers},
				{"Log", "/org/log", SectionLog},
				{"Settings", "/org/settings", SectionSettings},
			}},
		}
	case AreaAccount:
		return []group{{"", []link{
			{"Account", "/account", SectionHome},
			{"SSH keys", "/account/ssh-keys", SectionKeys},
			{"Sessions", "/account/sessions", SectionSessions},
			{"Password", "/account/password", SectionPassword},
			{"Which mails", "/account/mails", SectionMails},
			{"Become a provider", "/provider-application", SectionProviders},
		}}}
	default:
		return staffSections(a)
	}
}

// staffSections are what providers and the platform work with.
func staffSections(a Area) []group {
	switch a {
	case AreaProvider:
		return []group{
			{"", []link{{"Overview", "/provider", SectionHome}}},
			{"Compute", []link{
				{"Clusters", "/provider/clusters", SectionClusters},
				{"Hosts", "/provider/hosts", SectionHosts},
				{"Pools", "/provider/pools", SectionPools},
				{"Shapes", "/provider/shapes", SectionShapes},
				{"Jobs", "/provider/jobs", SectionJobs},
			}},
			{"Hours", []link{
				{"Orders", "/provider/orders", SectionOrders},
				{"Offers", "/provider/offers", SectionOffers},
				{"Invoices", "/provider/invoices", SectionInvoices},
				{"Months", "/provider/periods", SectionPeriods},
				{"Payments", "/provider/payments", SectionPayments},
				{"Usage", "/provider/usage", SectionUsage},
				{"Exports", "/provider/exports", SectionExports},
				{"Market", "/market", SectionMarket},
			}},
			{"People", []link{
				{"Organizations", "/provider/organizations", SectionOrganizations},
				{"Announcements", "/provider/announcements", SectionAnnouncements},
				{"Staff", "/provider/staff", SectionStaff},
				{"Log", "/provider/log", SectionLog},
				{"Settings", "/provider/settings", SectionSettings},
			}},
		}
	case AreaPlatform:
		return []group{
			{"", []link{{"Overview", "/platform", SectionHome}}},
			{"People", []link{
				{"Providers", "/platform/providers", SectionProviders},
				{"Organizations", "/platform/organizations", SectionOrganizations},
				{"People", "/platform/people", SectionPeople},
			}},
			{"Work", []link{
				{"Certificates", "/platform/certificates", SectionCertificates},
				{"Outbox", "/platform/outbox", SectionOutbox},
				{"Jobs", "/platform/jobs", SectionJobs},
				{"Log", "/platform/log", SectionLog},
			}},
		}
	default:
		return nil
	}
}

// place is the organization or provider the page speaks for.
func place(p Props) string {
	if p.Area == AreaProvider && p.Provider != "" {
		return p.Provider
	}
	if p.Organization != "" {
		return p.Organization
	}
	return p.Provider
}

// ZoneName is the short name of the zone that the page's times are in.
func (p Props) ZoneName() string {
	if p.Zone == nil {
		return "UTC"
	}
	now := p.Now
	if now.IsZero() {
		now = time.Unix(0, 0)
	}
	name, _ := now.In(p.Zone).Zone()
	return name
}
