package org

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
	web "volary.dev/web/org"
)

// ListMembers shows who belongs to the organization.
func (h Handlers) ListMembers(c echo.Context) error {
	return h.membersPage(c, web.MemberListProps{})
}

// UpdateMember gives a member another role.
func (h Handlers) UpdateMember(c echo.Context) error {
	id, f, err := memberForm(c)
	if err != nil {
		return err
	}
	role := people.OrganizationRole(f.Choice("role", "a role", roles()...))
	if r := f.Refusal(); r != nil {
		return h.membersRefused(c, r)
	}
	orgID, personID := where(c)
	err = h.People.ChangeMember(c.Request().Context(), orgID, personID, id, role)
	if r, ok := respond.AsForm(err); ok {
		return h.membersRefused(c, r)
	}
	if err != nil {
		return err
	}
	to := "/org/members"
	if id == personID && role == people.RoleBilling {
		to = "/org" // the members' page stays open to them, and so does the overview
	}
	return h.Frame.Done(c, to, "The role is "+string(role)+" now.")
}

func roles() []string {
	return []string{string(people.RoleOwner), string(people.RoleManager), string(people.RoleMember), string(people.RoleBilling), string(people.RoleAuditor)}
}

func memberForm(c echo.Context) (uuid.UUID, *request.Form, error) {
	id, err := request.ID(c, "id", "member")
	if err != nil {
		return id, nil, err
	}
	f, err := request.ParseForm(c)
	return id, f, err
}

// UpdateCap sets a member's cap, or takes it away where the field is empty.
func (h Handlers) UpdateCap(c echo.Context) error {
	id, f, err := memberForm(c)
	if err != nil {
		return err
	}
	limit := capOf(f)
	if r := f.Refusal(); r != nil {
		return h.capRefused(c, id, f, r)
	}
	orgID, personID := where(c)
	err = h.Machines.SetCap(c.Request().Context(), orgID, personID, id, limit)
	if r, ok := respond.AsForm(err); ok {
		return h.capRefused(c, id, f, r)
	}
	if err != nil {
		return err
	}
	notice := "The cap is taken away."
	if limit != nil {
		notice = "The cap is " + sales.HoursUnderstood(*limit) + "; counting begins anew, and goes on until it is set again."
	}
	return h.Frame.Done(c, "/org/members", notice)
}

// capOf reads the field of a cap; empty: none.
func capOf(f *request.Form) *billing.Hours {
	if strings.TrimSpace(f.Typed("cap")) == "" {
		return nil
	}
	hours := billing.Hours(f.Int64("cap", "the cap in compute hours", 0, int64(billing.MaxHours/billing.ComputeHour))) * billing.ComputeHour
	return &hours
}

// capRefused shows the members with what was typed as the cap of one of them.
func (h Handlers) capRefused(c echo.Context, id uuid.UUID, f *request.Form, r *refusal.Error) error {
	p := web.MemberListProps{CapOf: id, CapTyped: f.Typed("cap")}
	p.Form.Refusal = r
	return h.membersPage(c, p)
}

// DeleteMember ends a membership.
func (h Handlers) DeleteMember(c echo.Context) error {
	id, err := request.ID(c, "id", "member")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	return h.removed(c, h.People.RemoveMember(c.Request().Context(), orgID, personID, id), id == personID)
}

// Leave ends one's own membership.
func (h Handlers) Leave(c echo.Context) error {
	orgID, personID := where(c)
	return h.removed(c, h.People.RemoveMember(c.Request().Context(), orgID, personID, personID), true)
}

func (h Handlers) removed(c echo.Context, err error, self bool) error {
	if r, ok := respond.AsForm(err); ok {
		return h.membersRefused(c, r)
	}
	if err != nil {
		return err
	}
	if self {
		return h.Frame.Done(c, "/workplaces", "You left the organization. What you made stays with it.")
	}
	return h.Frame.Done(c, "/org/members", "The member is removed. What they made stays here. Their keys are taken out of running clusters within a minute; how far that is, is said below.")
}

func (h Handlers) membersRefused(c echo.Context, r *refusal.Error) error {
	p := web.MemberListProps{}
	p.Form.Refusal = r
	return h.membersPage(c, p)
}

func (h Handlers) membersPage(c echo.Context, p web.MemberListProps) error {
	ctx := c.Request().Context()
	orgID, personID := where(c)
	l, q := request.ParseList(c, "name", "email", "role", "since"), request.ParseQuery(c)
	l.Path = "/org/members" // also where a refused form is shown
	role := ""
	if q.Has("role") {
		role = q.Choice("role", "a role", roles()...)
	}
	members, total, err := h.People.Members(ctx, orgID, people.MemberFilter{
		Text: q.Typed("q"), Role: people.OrganizationRole(role), Sorting: l.Sorting, Page: l.Page(),
	})
	if err != nil {
		return err
	}
	p.Layout, p.List, p.Text, p.Role = h.layout(c), page.List(l, total), q.Typed("q"), role
	p.MayOwn, p.MayManage, p.Reads = request.Allowed(c, request.OrgOwn), request.Allowed(c, request.OrgManage), request.AllowedToRead(c, request.OrgManage)
	if err := h.fillMembers(c, &p, members, personID); err != nil {
		return err
	}
	if p.Reads {
		if p.Invited, err = h.People.CountInvitations(ctx, people.Place{OrganizationID: orgID}); err != nil {
			return err
		}
		ended, err := h.Machines.EndedKeys(ctx, orgID)
		if err != nil {
			return err
		}
		untold, err := h.Machines.UntoldNodes(ctx, orgID, ended)
		if err != nil {
			return err
		}
		p.EndedKeys = endedKeys(ended, untold, p.Layout)
		p.EndedKeys.Elsewhere = true
	}
	status := http.StatusOK
	if p.Form.Refusal != nil {
		status = respond.Status(p.Form.Refusal.Code)
	}
	return page.Render(c, status, web.MemberList(p))
}

func (h Handlers) fillMembers(c echo.Context, p *web.MemberListProps, members []people.Member, self uuid.UUID) error {
	orgID, _ := where(c)
	caps, err := h.Machines.Caps(c.Request().Context(), orgID)
	if err != nil {
		return err
	}
	for _, m := range members {
		row := web.MemberRow{ID: m.PersonID, Name: m.Name, Email: m.Email, Role: string(m.Role), Login: m.Login, UID: m.UID, Since: m.Since, Self: m.PersonID == self}
		if limit, ok := caps[m.PersonID]; ok {
			row.Capped, row.CapMCS, row.CapLeftMCS, row.CapSince = true, int64(limit.Hours), int64(limit.Left()), limit.Since
		} else if m.Cap != nil {
			row.Kept, row.CapMCS = true, int64(*m.Cap)
		}
		p.Members = append(p.Members, row)
	}
	return nil
}
