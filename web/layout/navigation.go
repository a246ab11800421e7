package layout

import (
	"slices"
	"time"
)

type link struct{ Label, Href, Section string }

// navigation leaves out what the person may not open.
func navigation(p Props) []link {
	return slices.DeleteFunc(sections(p.Area), func(l link) bool { return slices.Contains(p.Closed, l.Section) })
}

func sections(a Area) []link {
	switch a {
	case AreaPublic:
		return []link{
			{"Market", "/market", SectionMarket},
			{"Images", "/market/images", SectionGuide},
		}
	case AreaOrg:
		return []link{
			{"Overview", "/org", SectionHome},
			{"Clusters", "/org/clusters", SectionClusters},
			{"Models", "/org/models", SectionModels},
			{"Images", "/org/images", SectionImages},
			{"Wallet", "/org/wallet", SectionWallet},
			{"Orders", "/org/orders", SectionOrders},
			{"Usage", "/org/usage", SectionUsage},
			{"Requests", "/org/requests", SectionRequests},
			{"Members", "/org/members", SectionMembers},
			{"Log", "/org/log", SectionLog},
			{"Market", "/market", SectionMarket},
		}
	case AreaAccount:
		return []link{
			{"Account", "/account", SectionHome},
			{"SSH keys", "/account/ssh-keys", SectionKeys},
			{"Sessions", "/account/sessions", SectionSessions},
			{"Password", "/account/password", SectionPassword},
			{"Which mails", "/account/mails", SectionMails},
			{"Become a provider", "/provider-application", SectionProviders},
		}
	default:
		return staffSections(a)
	}
}

// staffSections are what providers and the platform work with.
func staffSections(a Area) []link {
	switch a {
	case AreaProvider:
		return []link{
			{"Overview", "/provider", SectionHome},
			{"Orders", "/provider/orders", SectionOrders},
			{"Offers", "/provider/offers", SectionOffers},
			{"Clusters", "/provider/clusters", SectionClusters},
			{"Hosts", "/provider/hosts", SectionHosts},
			{"Pools", "/provider/pools", SectionPools},
			{"Shapes", "/provider/shapes", SectionShapes},
			{"Organizations", "/provider/organizations", SectionOrganizations},
			{"Usage", "/provider/usage", SectionUsage},
			{"Announcements", "/provider/announcements", SectionAnnouncements},
			{"Jobs", "/provider/jobs", SectionJobs},
			{"Staff", "/provider/staff", SectionStaff},
			{"Log", "/provider/log", SectionLog},
			{"Settings", "/provider/settings", SectionSettings},
			{"Market", "/market", SectionMarket},
		}
	case AreaPlatform:
		return []link{
			{"Overview", "/platform", SectionHome},
			{"Providers", "/platform/providers", SectionProviders},
			{"Organizations", "/platform/organizations", SectionOrganizations},
			{"People", "/platform/people", SectionPeople},
			{"Outbox", "/platform/outbox", SectionOutbox},
			{"Jobs", "/platform/jobs", SectionJobs},
			{"Log", "/platform/log", SectionLog},
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

func zoneName(p Props) string {
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
