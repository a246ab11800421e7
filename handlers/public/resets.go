package public

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/web/layout"
	web "volary.dev/web/public"
)

// NewReset asks for the address whose password was forgotten.
func (h Handlers) NewReset(c echo.Context) error {
	return h.resetPage(c, web.ResetProps{})
}

// CreateReset mails a link for a new password; the answer is the same for every address.
func (h Handlers) CreateReset(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.ResetProps{Email: f.Typed("email")}
	email := f.Text("email", "the e-mail address", 3, 254)
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		return h.resetPage(c, p)
	}
	err = h.People.RequestReset(c.Request().Context(), email, c.RealIP())
	if r, ok := refusal.As(err); ok {
		p.Form.Refusal = r
		return h.resetPage(c, p)
	}
	if err != nil {
		return err
	}
	return h.writtenPage(c, web.WrittenProps{Email: email, What: web.WrittenReset})
}

func (h Handlers) resetPage(c echo.Context, p web.ResetProps) error {
	p.Layout = h.Frame.Layout(c, layout.AreaPublic)
	return page.Render(c, page.StatusOf(p.Form), web.Reset(p))
}

// EditPassword shows the form that a mailed link opens.
func (h Handlers) EditPassword(c echo.Context) error {
	return h.choosePage(c, web.ChoosePasswordProps{Token: c.QueryParam("token")})
}

// UpdatePassword sets the new password and ends every session of the person.
func (h Handlers) UpdatePassword(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.ChoosePasswordProps{Token: f.Typed("token")}
	password := f.Secret("password", "a password", secretBytes)
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		return h.choosePage(c, p)
	}
	err = h.People.ResetPassword(c.Request().Context(), p.Token, password)
	if r, ok := refusal.As(err); ok && r.Code != "link" {
		p.Form.Refusal = r
		return h.choosePage(c, p)
	}
	if err != nil {
		return err
	}
	h.Cookie.Clear(c)
	return h.Frame.Done(c, "/sign-in", "Your new password is set, and every session was ended. Sign in with it.")
}

func (h Handlers) choosePage(c echo.Context, p web.ChoosePasswordProps) error {
	l, err := h.People.ResetByToken(c.Request().Context(), p.Token)
	if err != nil {
		return err
	}
	p.Layout, p.Email = h.Frame.Layout(c, layout.AreaPublic), l.Email
	return page.Render(c, page.StatusOf(p.Form), web.ChoosePassword(p))
}

// ShowEmailConfirmation shows which new address a link confirms; the button on the page does it.
func (h Handlers) ShowEmailConfirmation(c echo.Context) error {
	l, err := h.People.EmailByToken(c.Request().Context(), c.QueryParam("token"))
	if err != nil {
		return err
	}
	p := web.ConfirmEmailProps{Layout: h.Frame.Layout(c, layout.AreaPublic), Token: c.QueryParam("token"), Name: l.Name, Email: l.Email}
	return page.Render(c, page.StatusOf(p.Form), web.ConfirmEmail(p))
}

// ConfirmEmail makes a new address the one that signs in.
func (h Handlers) ConfirmEmail(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	keep, to := uuid.Nil, "/sign-in"
	if s := request.Session(c); s != nil {
		keep, to = s.ID, "/account"
	}
	if err := h.People.ConfirmEmail(c.Request().Context(), f.Typed("token"), keep); err != nil {
		return err
	}
	return h.Frame.Done(c, to, "The new address is confirmed; it signs in from now on.")
}
