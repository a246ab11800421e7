package page

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/web/layout"
	"volary.dev/web/ui"
)

// Frame is what every page of this process shows alike.
type Frame struct {
	Simulated bool   // hosts are the memory driver's
	Version   string // of the program
	// Secure is for https, where cookies are sent by no other way.
	Secure bool
	// FormPages is the pattern of the page that a form stands on, by that of the address that it is sent to.
	FormPages map[string]string
	// OwnerAmong tells which of a person's places owns what an address names (overview.DB.OwnerAmong).
	OwnerAmong func(ctx context.Context, personID uuid.UUID, area, section string, id uuid.UUID) (overview.Workplace, bool, error)
	// Facts reads what stands around a page.
	Facts func(context.Context, overview.FrameNeeds) (overview.FrameFacts, error)
}

// Layout fills the frame's props for a page of an area from the request's session, takes the notice of the request before it, and
// gives the forms of the page that is rendered next their slips. Where what stands around cannot be read, the page shows without it: its own call says what is wrong.
func (f Frame) Layout(c echo.Context, area layout.Area) layout.Props {
	p := layout.Props{
		Area: area, Simulated: f.Simulated, Version: f.Version, Now: time.Now().UTC(), Notice: f.takeNotice(c),
	}
	if !reads(c) {
		p.Answer, p.Begun = f.FormPage(c), request.Begun(c)
	}
	s := request.Session(c)
	if s == nil {
		return p
	}
	p.Person = &layout.Person{Name: s.Name, Email: s.Email}
	p.Organization, p.Provider, p.PlatformAdmin = s.OrganizationName, s.ProviderName, s.PlatformAdmin || s.PlatformAuditor
	p.Reading = reading(s, area)
	p.Suspended = s.Suspended
	if area == layout.AreaProvider {
		p.Suspended = s.ProviderSuspended
	}
	if p.Place = place(s, area); p.Place != "" {
		c.Response().Header().Set(placeHeader, p.Place)
	}
	c.SetRequest(c.Request().WithContext(ui.WithSlips(c.Request().Context(), ui.Slips{Place: p.Place, NewID: uuid.NewString})))
	p.Closed = closed(c, area)
	facts, err := f.Facts(c.Request().Context(), frameNeeds(c, s, area))
	if err != nil {
		return p
	}
	p.Choices = choices(s, facts.Workplaces)
	p.Counts = map[string]int{layout.SectionRequests: facts.Requests, layout.SectionOrders: facts.Orders}
	p.Announcements = announcements(facts.Announcements)
	p.Refused = RefusedMails(facts.Refused)
	return p
}

// reading tells whether the session's person only reads in an area.
func reading(s *people.Session, area layout.Area) bool {
	switch area {
	case layout.AreaOrg:
		return s.OrganizationRole == people.RoleAuditor
	case layout.AreaProvider:
		return s.ProviderRole == people.StaffAuditor
	case layout.AreaPlatform:
		return !s.PlatformAdmin
	default:
		return false
	}
}

// placeHeader says with each page, and each part of one, whose it is: a tab of another place does not take it.
const placeHeader = "Volary-Place"

// place is whose pages those of an area are.
func place(s *people.Session, area layout.Area) string {
	switch {
	case area == layout.AreaOrg && s.OrganizationID != nil:
		return KindOrganization + ":" + s.OrganizationID.String()
	case area == layout.AreaProvider && s.ProviderID != nil:
		return KindProvider + ":" + s.ProviderID.String()
	case area == layout.AreaPlatform && (s.PlatformAdmin || s.PlatformAuditor):
		return "platform"
	default:
		return ""
	}
}

// frameNeeds are the other places, of which most people have none; on the pages that one comes to first, mails that did not reach
// the person; and, in their own area, what a member or staff is
// told and has to decide.
func frameNeeds(c echo.Context, s *people.Session, area layout.Area) overview.FrameNeeds {
	n := overview.FrameNeeds{Person: s.PersonID}
	n.Workplaces = hasOther(s)
	n.Refused = slices.Contains([]string{"/org", "/provider", "/platform", "/workplaces"}, c.Path())
	if area == layout.AreaOrg && s.OrganizationID != nil {
		n.Announcements = *s.OrganizationID
		if request.Allowed(c, request.OrgManage) {
			n.Requests = *s.OrganizationID
		}
	}
	if area == layout.AreaProvider && s.ProviderID != nil && request.Allowed(c, request.ProviderOrders) {
		n.Orders = *s.ProviderID
	}
	return n
}

func announcements(rows []people.Announcement) []layout.Announcement {
	list := make([]layout.Announcement, len(rows))
	for i, x := range rows {
		list[i] = layout.Announcement{ID: x.ID.String(), Provider: x.ProviderName, Pool: x.PoolName, Title: x.Title, Text: x.Text, Warning: x.Tone == "warning"}
		if x.UntilAt != nil {
			list[i].Until = *x.UntilAt
		}
	}
	return list
}

// choices are the places but the present one.
func choices(s *people.Session, places people.Workplaces) (list []layout.Choice) {
	for _, w := range places.Organizations {
		if s.OrganizationID == nil || w.ID != *s.OrganizationID {
			list = append(list, layout.Choice{Label: w.Name, Value: KindOrganization + ":" + w.ID.String()})
		}
	}
	for _, w := range places.Providers {
		if s.ProviderID == nil || w.ID != *s.ProviderID {
			list = append(list, layout.Choice{Label: w.Name, Value: KindProvider + ":" + w.ID.String()})
		}
	}
	return list
}

// The kinds of workplaces in the values of layout.Choice (KIND:ID), and where each works.
const (
	KindOrganization = request.KindOrganization
	KindProvider     = request.KindProvider
)

// needs names the permission of every section that not everyone of its area may open.
func needs(area layout.Area) map[string]request.Permission {
	switch area {
	case layout.AreaOrg:
		return map[string]request.Permission{
			layout.SectionClusters: request.OrgWork, layout.SectionModels: request.OrgWork, layout.SectionImages: request.OrgWork,
			layout.SectionRequests: request.OrgWork, layout.SectionOrders: request.OrgOrder, layout.SectionInvoices: request.OrgOrder, layout.SectionStatements: request.OrgOrder, layout.SectionExports: request.OrgUsage, layout.SectionSettings: request.OrgOrder, layout.SectionLog: request.OrgManage,
		}
	case layout.AreaProvider:
		return map[string]request.Permission{
			layout.SectionHosts: request.ProviderHosts, layout.SectionPools: request.ProviderHosts, layout.SectionShapes: request.ProviderHosts,
			layout.SectionClusters: request.ProviderHosts, layout.SectionJobs: request.ProviderHosts,
			layout.SectionAnnouncements: request.ProviderNotify, layout.SectionUsage: request.ProviderUsage, layout.SectionOrders: request.ProviderOrders,
			layout.SectionInvoices: request.ProviderOrders, layout.SectionPayments: request.ProviderOrders, layout.SectionPeriods: request.ProviderUsage, layout.SectionExports: request.ProviderUsage,
			layout.SectionStaff: request.ProviderOwn, layout.SectionSettings: request.ProviderOwn, layout.SectionLog: request.ProviderLog,
		}
	default:
		return nil
	}
}

// closed are the sections of an area whose routes the policy refuses to the session.
func closed(c echo.Context, area layout.Area) []string {
	var list []string
	for section, permission := range needs(area) {
		if !request.AllowedToRead(c, permission) {
			list = append(list, section)
		}
	}
	return list
}
