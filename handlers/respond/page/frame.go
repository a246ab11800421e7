package page

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/store"
	"volary.dev/web/layout"
)

// Frame is what every page of this process shows alike.
type Frame struct {
	Simulated bool   // hosts are the memory driver's
	Version   string // of the program
	// Secure is for https, where cookies are sent by no other way.
	Secure bool
	// Workplaces lists where a person may work.
	Workplaces func(ctx context.Context, personID uuid.UUID) (store.Workplaces, error)
	// Requests counts an organization's launch requests that wait for a decision.
	Requests func(ctx context.Context, orgID, personID uuid.UUID) (int, error)
	// Orders counts those that wait for a provider's decision.
	Orders func(ctx context.Context, providerID uuid.UUID) (int, error)
	// Announcements lists what providers tell an organization now and the person has not dismissed.
	Announcements func(ctx context.Context, orgID, personID uuid.UUID) ([]store.Announcement, error)
}

// Layout fills the frame's props for a page of an area from the request's session, and takes the notice of the
// request before it.
func (f Frame) Layout(c echo.Context, area layout.Area) layout.Props {
	p := layout.Props{
		Area: area, Simulated: f.Simulated, Version: f.Version, Now: time.Now().UTC(), Notice: f.takeNotice(c),
	}
	s := request.Session(c)
	if s == nil {
		return p
	}
	p.Person = &layout.Person{Name: s.Name, Email: s.Email}
	p.Organization, p.Provider, p.PlatformAdmin = s.OrganizationName, s.ProviderName, s.PlatformAdmin
	p.Suspended = s.Suspended
	p.Choices = f.choices(c, s)
	p.Closed = closed(c, area)
	if area == layout.AreaOrg {
		p.Counts = f.counts(c, s)
		p.Announcements = f.announcements(c, s)
	}
	return p
}

// announcements are for members. Where they cannot be read the page shows without them.
func (f Frame) announcements(c echo.Context, s *store.Session) []layout.Announcement {
	if f.Announcements == nil || s.OrganizationID == nil {
		return nil
	}
	rows, err := f.Announcements(c.Request().Context(), *s.OrganizationID, s.PersonID)
	if err != nil {
		return nil
	}
	list := make([]layout.Announcement, len(rows))
	for i, x := range rows {
		list[i] = layout.Announcement{ID: x.ID.String(), Provider: x.ProviderName, Pool: x.PoolName, Title: x.Title, Text: x.Text, Warning: x.Tone == "warning"}
		if x.UntilAt != nil {
			list[i].Until = *x.UntilAt
		}
	}
	return list
}

// counts are what waits for the person in the organization or at the provider. Where it cannot be read the menu lacks it.
func (f Frame) counts(c echo.Context, s *store.Session) map[string]int {
	if f.Orders != nil && s.ProviderID != nil && request.Allowed(c, request.ProviderOrders) {
		n, err := f.Orders(c.Request().Context(), *s.ProviderID)
		if err != nil {
			return nil
		}
		return map[string]int{layout.SectionOrders: n}
	}
	if f.Requests == nil || s.OrganizationID == nil || !request.Allowed(c, request.OrgManage) {
		return nil
	}
	n, err := f.Requests(c.Request().Context(), *s.OrganizationID, uuid.Nil)
	if err != nil {
		return nil
	}
	return map[string]int{layout.SectionRequests: n}
}

// choices are the other places; most people have none. Where they cannot be read the menu lacks them and the page
// still shows: its own call says what is wrong.
func (f Frame) choices(c echo.Context, s *store.Session) []layout.Choice {
	if s.Workplaces == 0 || (s.Workplaces == 1 && (s.OrganizationID != nil || s.ProviderID != nil)) {
		return nil
	}
	places, err := f.Workplaces(c.Request().Context(), s.PersonID)
	if err != nil {
		return nil
	}
	var list []layout.Choice
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
	KindOrganization = "org"
	KindProvider     = "provider"
)

// needs names the permission of every section that not everyone of its area may open.
func needs(area layout.Area) map[string]request.Permission {
	switch area {
	case layout.AreaOrg:
		return map[string]request.Permission{
			layout.SectionClusters: request.OrgWork, layout.SectionModels: request.OrgWork, layout.SectionImages: request.OrgWork,
			layout.SectionRequests: request.OrgWork, layout.SectionOrders: request.OrgOrder, layout.SectionLog: request.OrgManage,
		}
	case layout.AreaProvider:
		return map[string]request.Permission{
			layout.SectionHosts: request.ProviderHosts, layout.SectionPools: request.ProviderHosts, layout.SectionShapes: request.ProviderHosts,
			layout.SectionClusters: request.ProviderHosts, layout.SectionJobs: request.ProviderHosts,
			layout.SectionAnnouncements: request.ProviderNotify, layout.SectionUsage: request.ProviderUsage, layout.SectionOrders: request.ProviderOrders,
			layout.SectionStaff: request.ProviderOwn, layout.SectionSettings: request.ProviderOwn, layout.SectionLog: request.ProviderOwn,
		}
	default:
		return nil
	}
}

// closed are the sections of an area whose routes the policy refuses to the session.
func closed(c echo.Context, area layout.Area) []string {
	var list []string
	for section, permission := range needs(area) {
		if !request.Allowed(c, permission) {
			list = append(list, section)
		}
	}
	return list
}
