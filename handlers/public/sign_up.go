package public

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
	"volary.dev/web/layout"
	web "volary.dev/web/public"
)

// secretBytes is more than any password that is taken, and bounds what is looked at.
const secretBytes = 1024

// NewSignUp shows the form for a person and their organization; who is signed in is led on.
func (h Handlers) NewSignUp(c echo.Context) error {
	if s := request.Session(c); s != nil {
		return c.Redirect(http.StatusSeeOther, homeOf(s))
	}
	return h.signUpPage(c, web.SignUpProps{})
}

// CreateSignUp keeps a sign-up until its link is opened. Whether the address has an account changes nothing of the
// answer.
func (h Handlers) CreateSignUp(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.SignUpProps{Name: f.Typed("name"), Email: f.Typed("email"), Organization: f.Typed("organization")}
	s := people.SignUp{
		Name: f.Name("name", "your name", 1, 120), Email: f.Text("email", "the e-mail address", 3, 254),
		Organization: f.Name("organization", "the organization's name", 2, 80), Password: f.Secret("password", "a password", secretBytes),
	}
	if fault := s.PasswordFault(); fault != "" {
		f.Wrong("password", fault)
	}
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		return h.signUpPage(c, p)
	}
	err = h.People.SignUp(c.Request().Context(), s, c.RealIP())
	if r, ok := refusal.As(err); ok {
		p.Form.Refusal = r
		return h.signUpPage(c, p)
	}
	if err != nil {
		return err
	}
	return h.writtenPage(c, web.WrittenProps{Email: s.Email, What: web.WrittenSignUp})
}

func (h Handlers) signUpPage(c echo.Context, p web.SignUpProps) error {
	p.Layout = h.Frame.Layout(c, layout.AreaPublic)
	return page.Render(c, page.StatusOf(p.Form), web.SignUp(p))
}

// ResendConfirmation mails the link of a sign-up anew; the answer is the same for every address.
func (h Handlers) ResendConfirmation(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.WrittenProps{Email: f.Typed("email"), What: web.WrittenSignUp}
	email := f.Text("email", "the e-mail address", 3, 254)
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		return h.writtenPage(c, p)
	}
	err = h.People.ResendConfirmation(c.Request().Context(), email, c.RealIP())
	if r, ok := refusal.As(err); ok {
		p.Form.Refusal = r
		return h.writtenPage(c, p)
	}
	if err != nil {
		return err
	}
	return h.writtenPage(c, p)
}

// writtenPage says that something was mailed, and what to do where nothing comes.
func (h Handlers) writtenPage(c echo.Context, p web.WrittenProps) error {
	p.Layout, p.Demo = h.Frame.Layout(c, layout.AreaPublic), h.Demo
	return page.Render(c, page.StatusOf(p.Form), web.Written(p))
}

// ShowConfirmation shows what a link confirms. Opening it confirms nothing, since programs that look for malice open
// links, too.
func (h Handlers) ShowConfirmation(c echo.Context) error {
	return h.confirmPage(c, web.ConfirmProps{Token: c.QueryParam("token")})
}

// Confirm makes the person of a sign-up and signs them in.
func (h Handlers) Confirm(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.ConfirmProps{Token: f.Typed("token"), Organization: f.Typed("organization")}
	password := f.Secret("password", "the password", secretBytes)
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		return h.confirmPage(c, p)
	}
	token, s, err := h.People.ConfirmSignUp(c.Request().Context(), p.Token, password, f.Typed("organization"), c.RealIP(), c.Request().UserAgent())
	if r, ok := refusal.As(err); ok && r.Code != "link" {
		p.Form.Refusal = r
		return h.confirmPage(c, p)
	}
	if err != nil {
		return err
	}
	if err := h.remember(c, s.PersonID, token); err != nil {
		return err
	}
	return h.Frame.Done(c, homeOf(&s), "Your address is confirmed, and you are signed in.")
}

func (h Handlers) confirmPage(c echo.Context, p web.ConfirmProps) error {
	w, err := h.People.SignUpByToken(c.Request().Context(), p.Token)
	if err != nil {
		return err
	}
	p.Layout, p.Email = h.Frame.Layout(c, layout.AreaPublic), w.Email
	if w.OrganizationName != nil {
		p.Founds = *w.OrganizationName
		if p.Organization == "" {
			p.Organization = p.Founds
		}
	}
	return page.Render(c, page.StatusOf(p.Form), web.Confirm(p))
}
