package public

import (
	"net/url"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/people"
	"volary.dev/web/layout"
	web "volary.dev/web/public"
)

// ShowInvitation shows what a link invites to: with a button to who is signed in, with a sign-up form to others.
func (h Handlers) ShowInvitation(c echo.Context) error {
	return h.invitationPage(c, web.InvitationProps{})
}

// AcceptInvitation takes a signed-in person in, and signs anyone else up: who is invited creates no organization.
func (h Handlers) AcceptInvitation(c echo.Context) error {
	s := request.Session(c)
	if s == nil {
		return h.signUpInvited(c)
	}
	i, err := h.People.AcceptInvitation(c.Request().Context(), c.Param("token"), *s)
	if r, ok := refusal.As(err); ok && r.Code != "link" {
		p := web.InvitationProps{}
		p.Form.Refusal = r
		return h.invitationPage(c, p)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, homeOfInvitation(i), "You belong to "+typed.Isolate(i.Place)+" now, as "+i.Role+".")
}

func homeOfInvitation(i people.Invitation) string {
	if i.OrganizationID != nil {
		return "/org"
	}
	return "/provider"
}

func (h Handlers) signUpInvited(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	i, err := h.People.InvitationByToken(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	p := web.InvitationProps{Name: f.Typed("name"), Email: f.Typed("email")}
	s := people.SignUp{Name: f.Name("name", "your name", 1, 120), Password: f.Secret("password", "a password", secretBytes)}
	if i.Email == nil {
		s.Email = f.Text("email", "the e-mail address", 3, 254)
	}
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		return h.invitationPage(c, p)
	}
	token, session, err := h.People.SignUpInvited(c.Request().Context(), c.Param("token"), s, c.RealIP(), c.Request().UserAgent())
	if r, ok := refusal.As(err); ok && r.Code != "link" {
		p.Form.Refusal = r
		return h.invitationPage(c, p)
	}
	if err != nil {
		return err
	}
	if token == "" {
		return h.writtenPage(c, web.WrittenProps{Email: s.Email, What: web.WrittenSignUp})
	}
	if err := h.remember(c, session.PersonID, token); err != nil {
		return err
	}
	return h.Frame.Done(c, homeOf(&session), "You belong to "+typed.Isolate(i.Place)+" now, as "+i.Role+".")
}

func (h Handlers) invitationPage(c echo.Context, p web.InvitationProps) error {
	token := c.Param("token")
	i, err := h.People.InvitationByToken(c.Request().Context(), token)
	if err != nil {
		return err
	}
	p.Layout, p.Address = h.Frame.Layout(c, layout.AreaPublic), "/invitations/"+url.PathEscape(token)
	p.Place, p.Role, p.By, p.Until, p.Staff = i.Place, i.Role, i.InvitedBy, i.ExpiresAt, i.ProviderID != nil
	if i.Email != nil {
		p.For = *i.Email
	}
	if i.Cap != nil {
		limit := int64(*i.Cap)
		p.Cap = &limit
	}
	status := page.StatusOf(p.Form)
	if s := request.Session(c); s != nil && p.Form.Refusal == nil {
		if r, ok := refusal.As(i.RefuseOther(s.Email)); ok {
			p.Form.Refusal = r
		}
	}
	p.Refused = p.Form.Refusal != nil && request.Session(c) != nil
	return page.Render(c, status, web.Invitation(p))
}
