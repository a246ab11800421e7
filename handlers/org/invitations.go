package org

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

const invitationsPath = "/org/invitations"

// ListInvitations shows who is invited to the organization.
func (h Handlers) ListInvitations(c echo.Context) error {
	return h.invitationsPage(c, http.StatusOK, ui.InvitationsProps{})
}

// invitationsPage shows the list with the form as it was typed.
func (h Handlers) invitationsPage(c echo.Context, status int, typed ui.InvitationsProps) error {
	orgID, _ := where(c)
	f, p := page.InvitationFilter(c, invitationsPath, web.RoleOptions(true))
	list, total, err := h.People.Invitations(c.Request().Context(), people.Place{OrganizationID: orgID}, f)
	if err != nil {
		return err
	}
	l := h.layout(c)
	p.Form, p.Email, p.Role, p.Now, p.Zone = typed.Form, typed.Email, typed.Role, l.Now, l.Zone
	p.Caps, p.Cap = true, typed.Cap
	if request.Allowed(c, request.OrgManage) {
		p.May = web.RoleOptions(request.Allowed(c, request.OrgOwn))
	}
	return page.Render(c, status, web.InvitationList(web.InvitationListProps{Layout: l, Invitations: page.Invitations(p, list, total)}))
}

// CreateInvitation invites by mail, or, without an address, by a link that the answer shows once.
func (h Handlers) CreateInvitation(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	typed := ui.InvitationsProps{Email: f.Typed("email"), Role: f.Typed("role"), Cap: f.Typed("cap")}
	n := people.NewInvitation{Email: strings.TrimSpace(f.Typed("email")), Role: f.Choice("role", "a role", roles()...), Cap: capOf(f)}
	if f.Typed("by") == "mail" {
		n.Email = f.Text("email", "the e-mail address", 3, 254)
	} else {
		n.Email = ""
	}
	if r := f.Refusal(); r != nil {
		return h.invitationsRefused(c, r, typed)
	}
	orgID, personID := where(c)
	_, token, err := h.People.InviteToOrganization(c.Request().Context(), orgID, personID, n)
	if r, ok := respond.AsForm(err); ok {
		return h.invitationsRefused(c, r, typed)
	}
	if err != nil {
		return err
	}
	notice := "A mail with the invitation is on its way to " + n.Email + "."
	if n.Cap != nil {
		notice += " The cap will be " + sales.HoursUnderstood(*n.Cap) + ", counted from the day it is accepted."
	}
	return h.invited(c, token, notice)
}

// invited shows a link once, or says that it is in the mail.
func (h Handlers) invited(c echo.Context, token, notice string) error {
	if token == "" {
		return h.Frame.Done(c, invitationsPath, notice)
	}
	return page.Render(c, http.StatusOK, web.InvitationShow(web.InvitationShowProps{Layout: h.layout(c), Link: h.PublicURL + "/invitations/" + token}))
}

// ResendInvitation gives an invitation a new link.
func (h Handlers) ResendInvitation(c echo.Context) error {
	id, err := request.ID(c, "id", "invitation")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	token, err := h.People.ResendInvitation(c.Request().Context(), people.Place{OrganizationID: orgID}, personID, id)
	if r, ok := respond.AsForm(err); ok {
		return h.invitationsRefused(c, r, ui.InvitationsProps{})
	}
	if err != nil {
		return err
	}
	return h.invited(c, token, "A new mail with the invitation is on its way; the link of the old one works no more.")
}

// RevokeInvitation takes an invitation back.
func (h Handlers) RevokeInvitation(c echo.Context) error {
	id, err := request.ID(c, "id", "invitation")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	if err := h.People.RevokeInvitation(c.Request().Context(), people.Place{OrganizationID: orgID}, personID, id); err != nil {
		return err
	}
	return h.Frame.Done(c, invitationsPath, "The invitation is taken back; its link works no more.")
}

func (h Handlers) invitationsRefused(c echo.Context, r *refusal.Error, typed ui.InvitationsProps) error {
	typed.Form.Refusal = r
	return h.invitationsPage(c, respond.Status(r.Code), typed)
}
