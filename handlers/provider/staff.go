package provider

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/people"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ListStaff shows who works for the provider.
func (h Handlers) ListStaff(c echo.Context) error {
	return h.staffPage(c, http.StatusOK, web.StaffListProps{})
}

// staffPage shows the list, and what was refused.
func (h Handlers) staffPage(c echo.Context, status int, p web.StaffListProps) error {
	ctx := c.Request().Context()
	l, q := request.ParseList(c, "name", "email", "role", "since"), request.ParseQuery(c)
	l.Path = "/provider/staff"
	f := people.StaffFilter{Search: q.Typed("search"), Role: q.Typed("role"), Sorting: l.Sorting, Page: l.Page()}
	list, total, err := h.People.Staff(ctx, where(c), f)
	if err != nil {
		return err
	}
	p.Layout, p.List, p.Search, p.Role = h.layout(c), page.List(l, total), f.Search, f.Role
	for _, x := range list {
		p.Staff = append(p.Staff, web.StaffRow{ID: x.PersonID, Name: x.Name, Email: x.Email, Role: string(x.Role), Since: x.CreatedAt, Self: x.PersonID == who(c)})
	}
	if p.Invited, err = h.People.CountInvitations(ctx, people.Place{ProviderID: where(c)}); err != nil {
		return err
	}
	return page.Render(c, status, web.StaffList(p))
}

// ChangeStaffRole gives one of the staff another role.
func (h Handlers) ChangeStaffRole(c echo.Context) error {
	id, err := request.ID(c, "id", "person")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	err = h.People.ChangeStaffRole(c.Request().Context(), who(c), where(c), id, people.StaffRole(f.Typed("role")))
	return h.staffChanged(c, err, "The role is changed.")
}

// RemoveStaff ends a person's work for the provider.
func (h Handlers) RemoveStaff(c echo.Context) error {
	id, err := request.ID(c, "id", "person")
	if err != nil {
		return err
	}
	if err := h.People.RemoveStaff(c.Request().Context(), who(c), where(c), id); err != nil || id != who(c) {
		return h.staffChanged(c, err, "They no longer work for the provider.")
	}
	return h.Frame.Done(c, "/workplaces", "You no longer work for the provider.")
}

func (h Handlers) staffChanged(c echo.Context, err error, done string) error {
	if r, ok := respond.AsForm(err); ok {
		return h.staffPage(c, respond.Status(r.Code), web.StaffListProps{Form: ui.Form{Refusal: r}})
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/provider/staff", done)
}
