package provider

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	web "volary.dev/web/provider"
)

// CreateInvitation invites to the staff by mail, or, without an address, by a link that the answer shows once.
func (h Handlers) CreateInvitation(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.StaffListProps{InviteEmail: f.Typed("invite_email"), InviteRole: f.Typed("invite_role")}
	n := store.NewInvitation{Role: f.Typed("invite_role")}
	if f.Typed("by") != "link" {
		n.Email = f.Text("invite_email", "the e-mail address", 3, 254)
		if r := f.Refusal(); r != nil {
			r.Fields["email"] = r.Fields["invite_email"]
			p.Invite.Refusal = r
			return h.staffPage(c, respond.Status(r.Code), p)
		}
	}
	_, token, err := h.Store.InviteToProvider(c.Request().Context(), where(c), who(c), n)
	if r, ok := asForm(err); ok {
		p.Invite.Refusal = r
		return h.staffPage(c, respond.Status(r.Code), p)
	}
	if err != nil {
		return err
	}
	if token == "" {
		return h.Frame.Done(c, "/provider/staff", "A mail with the invitation is on its way to "+strings.TrimSpace(n.Email)+".")
	}
	return page.Render(c, http.StatusOK, web.InvitationShow(web.InvitationShowProps{Layout: h.layout(c), Link: h.PublicURL + "/invitations/" + token}))
}

// RevokeInvitation takes an invitation back.
func (h Handlers) RevokeInvitation(c echo.Context) error {
	id, err := request.ID(c, "id", "invitation")
	if err != nil {
		return err
	}
	if err := h.Store.RevokeInvitation(c.Request().Context(), store.Place{ProviderID: where(c)}, who(c), id); err != nil {
		return err
	}
	return h.Frame.Done(c, "/provider/staff", "The invitation is taken back; its link works no more.")
}

// invitations adds those that were not accepted yet to the page of staff.
func (h Handlers) invitations(c echo.Context, p *web.StaffListProps) error {
	list, err := h.Store.Invitations(c.Request().Context(), store.Place{ProviderID: where(c)})
	for _, i := range list {
		row := web.InvitationRow{ID: i.ID, Role: i.Role, By: i.InvitedBy, Created: i.CreatedAt, Expires: i.ExpiresAt, Expired: i.Expired}
		if i.Email != nil {
			row.Email = *i.Email
		}
		p.Invitations = append(p.Invitations, row)
	}
	return err
}
