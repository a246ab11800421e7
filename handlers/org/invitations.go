package org

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/store"
	web "volary.dev/web/org"
)

// CreateInvitation invites by mail, or, without an address, by a link that the answer shows once.
func (h Handlers) CreateInvitation(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.MemberListProps{InviteEmail: f.Typed("email"), InviteRole: f.Typed("role")}
	n := store.NewInvitation{Email: strings.TrimSpace(f.Typed("email")), Role: f.Choice("role", "a role", roles()...)}
	if f.Typed("by") == "mail" {
		n.Email = f.Text("email", "the e-mail address", 3, 254)
	} else {
		n.Email = ""
	}
	if p.Invite.Refusal = f.Refusal(); p.Invite.Refusal != nil {
		return h.membersPage(c, p)
	}
	orgID, personID := where(c)
	_, token, err := h.Store.InviteToOrganization(c.Request().Context(), orgID, personID, n)
	if r, ok := asForm(err); ok {
		p.Invite.Refusal = r
		return h.membersPage(c, p)
	}
	if err != nil {
		return err
	}
	return h.invited(c, token, n.Role, "A mail with the invitation is on its way to "+n.Email+".")
}

// invited shows a link once, or says that it is in the mail.
func (h Handlers) invited(c echo.Context, token, role, notice string) error {
	if token == "" {
		return h.Frame.Done(c, "/org/members", notice)
	}
	return page.Render(c, http.StatusOK, web.InvitationShow(web.InvitationShowProps{
		Layout: h.layout(c), Link: h.PublicURL + "/invitations/" + token, Role: role,
	}))
}

// ResendInvitation gives an invitation a new link.
func (h Handlers) ResendInvitation(c echo.Context) error {
	id, err := request.ID(c, "id", "invitation")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	token, err := h.Store.ResendInvitation(c.Request().Context(), store.Place{OrganizationID: orgID}, personID, id)
	if r, ok := asForm(err); ok {
		return h.invitationsRefused(c, r)
	}
	if err != nil {
		return err
	}
	return h.invited(c, token, "", "A new mail with the invitation is on its way; the link of the old one works no more.")
}

// RevokeInvitation takes an invitation back.
func (h Handlers) RevokeInvitation(c echo.Context) error {
	id, err := request.ID(c, "id", "invitation")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	if err := h.Store.RevokeInvitation(c.Request().Context(), store.Place{OrganizationID: orgID}, personID, id); err != nil {
		return err
	}
	return h.Frame.Done(c, "/org/members", "The invitation is taken back; its link works no more.")
}

func (h Handlers) invitationsRefused(c echo.Context, r *provisioner.Refusal) error {
	p := web.MemberListProps{}
	p.Invite.Refusal = r
	return h.membersPage(c, p)
}
