package provider

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

const invitationsPath = "/provider/invitations"

// ListInvitations shows who is invited to the staff.
func (h Handlers) ListInvitations(c echo.Context) error {
	return h.invitationsPage(c, http.StatusOK, ui.InvitationsProps{})
}

// invitationsPage shows the list with the form as it was typed.
func (h Handlers) invitationsPage(c echo.Context, status int, typed ui.InvitationsProps) error {
	f, p := page.InvitationFilter(c, invitationsPath, web.StaffRoles())
	list, total, err := h.People.Invitations(c.Request().Context(), people.Place{ProviderID: where(c)}, f)
	if err != nil {
		return err
	}
	l := h.layout(c)
	p.Form, p.Email, p.Role, p.Now, p.Zone = typed.Form, typed.Email, typed.Role, l.Now, l.Zone
	if request.Allowed(c, request.ProviderOwn) {
		p.May = web.StaffRoles()
	}
	return page.Render(c, status, web.InvitationList(web.InvitationListProps{Layout: l, Invitations: page.Invitations(p, list, total)}))
}

// CreateInvitation invites to the staff by mail, or, without an address, by a link that the answer shows once.
func (h Handlers) CreateInvitation(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	typed := ui.InvitationsProps{Email: f.Typed("email"), Role: f.Typed("role")}
	n := people.NewInvitation{Role: f.Typed("role")}
	if f.Typed("by") != "link" {
		n.Email = f.Text("email", "the e-mail address", 3, 254)
		if r := f.Refusal(); r != nil {
			return h.invitationsRefused(c, r, typed)
		}
	}
	_, token, err := h.People.InviteToProvider(c.Request().Context(), where(c), who(c), n)
	if r, ok := respond.AsForm(err); ok {
		return h.invitationsRefused(c, r, typed)
	}
	if err != nil {
		return err
	}
	return h.invited(c, token, "A mail with the invitation is on its way to "+n.Email+".")
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
	token, err := h.People.ResendInvitation(c.Request().Context(), people.Place{ProviderID: where(c)}, who(c), id)
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
	if err := h.People.RevokeInvitation(c.Request().Context(), people.Place{ProviderID: where(c)}, who(c), id); err != nil {
		return err
	}
	return h.Frame.Done(c, invitationsPath, "The invitation is taken back; its link works no more.")
}

func (h Handlers) invitationsRefused(c echo.Context, r *refusal.Error, typed ui.InvitationsProps) error {
	typed.Form.Refusal = r
	return h.invitationsPage(c, respond.Status(r.Code), typed)
}
