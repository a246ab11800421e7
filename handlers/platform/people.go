package platform

import (
	"context"
	"net/http"

	"volary.dev/handlers/respond"
	"volary.dev/store/overview"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	web "volary.dev/web/platform"
)

// ListPeople shows everyone who may sign in, and who may not any more.
func (h Handlers) ListPeople(c echo.Context) error {
	l, q := request.ParseList(c, "name", "email", "created", "seen", "workplaces"), request.ParseQuery(c)
	list, total, err := h.Overview.PlatformPeople(c.Request().Context(), overview.PlatformFilter{
		Text: q.Typed("q"), State: choice(q.Typed("state"), "active", "suspended", "admin"), Sorting: l.Sorting, Page: l.Page(),
	})
	if err != nil {
		return err
	}
	p := web.PersonListProps{Layout: h.layout(c), List: page.List(l, total), Text: q.Typed("q"), State: q.Typed("state")}
	for _, x := range list {
		p.People = append(p.People, personRow(x))
	}
	return page.Render(c, http.StatusOK, web.PersonList(p))
}

func personRow(x overview.PlatformPerson) web.PersonRow {
	return web.PersonRow{
		ID: x.ID, Name: x.Name, Email: x.Email, Admin: x.PlatformAdmin, Auditor: x.PlatformAuditor, Created: x.CreatedAt, Seen: page.Time(x.SeenAt),
		Suspended: page.Time(x.SuspendedAt), Reason: x.SuspendedReason, Workplaces: x.Workplaces,
	}
}

// ShowPerson shows one, where they work, and the forms that suspend them or make them an admin.
func (h Handlers) ShowPerson(c echo.Context) error {
	id, err := request.ID(c, "id", "person")
	if err != nil {
		return err
	}
	return h.personPage(c, id, web.PersonShowProps{})
}

// SuspendPerson ends someone's sessions and refuses them to sign in.
func (h Handlers) SuspendPerson(c echo.Context) error {
	id, err := request.ID(c, "id", "person")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.PersonShowProps{Typed: f.Typed("reason")}
	reason := f.Text("reason", "the reason", 5, 500)
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		return h.personPage(c, id, p)
	}
	err = h.People.SuspendPerson(c.Request().Context(), by(c), id, reason)
	if r, ok := respond.AsForm(err); ok {
		p.Form.Refusal = r
		return h.personPage(c, id, p)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/platform/people/"+id.String(), "The person is suspended, and their sessions were ended.")
}

// LiftPerson ends a suspension.
func (h Handlers) LiftPerson(c echo.Context) error {
	return h.change(c, "person", h.People.LiftPerson, h.personRefused, "/platform/people/", "The suspension is lifted.")
}

// MakeAdmin makes someone an admin of the platform.
func (h Handlers) MakeAdmin(c echo.Context) error {
	return h.setAdmin(c, true, "The person is an admin of the platform now.")
}

// UnmakeAdmin takes that back; one admin always stays.
func (h Handlers) UnmakeAdmin(c echo.Context) error {
	return h.setAdmin(c, false, "The person is no admin of the platform any more.")
}

func (h Handlers) setAdmin(c echo.Context, admin bool, notice string) error {
	set := func(ctx context.Context, by, id uuid.UUID) error {
		return h.People.SetPlatformAdmin(ctx, by, id, admin)
	}
	return h.change(c, "person", set, h.personRefused, "/platform/people/", notice)
}

// MakeAuditor lets someone read all of the platform's pages.
func (h Handlers) MakeAuditor(c echo.Context) error {
	return h.setAuditor(c, true, "The person reads the platform's pages now, and changes nothing.")
}

// UnmakeAuditor takes that back.
func (h Handlers) UnmakeAuditor(c echo.Context) error {
	return h.setAuditor(c, false, "The person is no auditor of the platform any more.")
}

func (h Handlers) setAuditor(c echo.Context, auditor bool, notice string) error {
	set := func(ctx context.Context, by, id uuid.UUID) error {
		return h.People.SetPlatformAuditor(ctx, by, id, auditor)
	}
	return h.change(c, "person", set, h.personRefused, "/platform/people/", notice)
}

func (h Handlers) personRefused(c echo.Context, id uuid.UUID, err error) (bool, error) {
	r, ok := respond.AsForm(err)
	if !ok {
		return false, nil
	}
	p := web.PersonShowProps{}
	p.Form.Refusal = r
	return true, h.personPage(c, id, p)
}

func (h Handlers) personPage(c echo.Context, id uuid.UUID, p web.PersonShowProps) error {
	ctx := c.Request().Context()
	x, err := h.Overview.PlatformPerson(ctx, id)
	if err != nil {
		return err
	}
	places, err := h.People.Workplaces(ctx, id)
	if err != nil {
		return err
	}
	p.Layout, p.Person, p.Self = h.layout(c), personRow(x), id == by(c)
	for _, w := range places.Organizations {
		p.Places = append(p.Places, web.PlaceRow{Kind: "Organization", Name: w.Name, Role: w.Role, Where: "/platform/organizations/" + w.ID.String()})
	}
	for _, w := range places.Providers {
		p.Places = append(p.Places, web.PlaceRow{Kind: "Provider", Name: w.Name, Role: w.Role, Where: "/platform/providers/" + w.ID.String()})
	}
	return page.Render(c, page.StatusOf(p.Form), web.PersonShow(p))
}
