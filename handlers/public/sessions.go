package public

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/web/layout"
	web "volary.dev/web/public"
	"volary.dev/web/ui"
)

// NewSession shows the sign-in page; who is signed in is led on.
func (h Handlers) NewSession(c echo.Context) error {
	if s := request.Session(c); s != nil {
		return c.Redirect(http.StatusSeeOther, homeOf(s))
	}
	return h.signInPage(c, "", c.QueryParam("next"), nil)
}

// CreateSession signs in. A wrong password and an unknown address are answered alike.
func (h Handlers) CreateSession(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	email, password := f.Text("email", "the e-mail address", 1, 254), f.Secret("password", "the password", 1024)
	if r := f.Refusal(); r != nil {
		return h.signInPage(c, f.Typed("email"), f.Typed("next"), r)
	}
	// The old session, if any, stays what it was: a new sign-in never takes over a token that was there before.
	token, s, err := h.People.SignIn(c.Request().Context(), email, password, c.RealIP(), c.Request().UserAgent(), h.Device.Token(c))
	if r, ok := refusal.As(err); ok {
		return h.signInPage(c, f.Typed("email"), f.Typed("next"), r)
	}
	if err != nil {
		return err
	}
	if err := h.remember(c, s.PersonID, token); err != nil {
		return err
	}
	if next := localPath(f.Typed("next")); next != "" {
		return c.Redirect(http.StatusSeeOther, next)
	}
	return c.Redirect(http.StatusSeeOther, homeOf(&s))
}

// remember gives the browser the token of its new session, and one by which it is known when somebody signs in again.
func (h Handlers) remember(c echo.Context, person uuid.UUID, token string) error {
	device, err := h.People.KnowDevice(c.Request().Context(), person, h.Device.Token(c))
	if err != nil {
		return err
	}
	h.Device.Set(c, device)
	h.Cookie.Set(c, token)
	return nil
}

func (h Handlers) signInPage(c echo.Context, email, next string, r *refusal.Error) error {
	status := http.StatusOK
	if r != nil {
		status = respond.Status(r.Code)
	}
	p := web.SignInProps{
		Layout: h.Frame.Layout(c, layout.AreaPublic), Form: ui.Form{Refusal: r}, Email: email, Next: localPath(next),
	}
	if h.Demo {
		p.Demo = web.DemoUsers()
	}
	return page.Render(c, status, web.SignIn(p))
}

// localPath lets no one lead a person from our sign-in page to another site: it keeps only absolute paths of ours.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") {
		return ""
	}
	// Browsers read a backslash as a slash and drop control characters.
	if strings.HasPrefix(next, "//") || strings.ContainsFunc(next, func(r rune) bool { return r == '\\' || r < ' ' }) {
		return ""
	}
	return next
}

// DeleteSession signs out.
func (h Handlers) DeleteSession(c echo.Context) error {
	if err := h.People.SignOut(c.Request().Context(), request.Session(c).ID); err != nil {
		return err
	}
	h.Cookie.Clear(c)
	return h.Frame.Done(c, "/sign-in", "You are signed out.")
}

// SwitchWorkplace makes the session work for another organization ("org:ID") or provider ("provider:ID"), and leads to its
// overview, or to where a link of it was opened.
func (h Handlers) SwitchWorkplace(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	kind, id, ok := request.ParsePlace(f.Typed("to"))
	if !ok {
		return refusal.NotFound("organization or provider")
	}
	ctx, s := c.Request().Context(), request.Session(c)
	turn := h.People.SwitchOrganization
	if kind == page.KindProvider {
		turn = h.People.SwitchProvider
	}
	if err := turn(ctx, s.ID, id); err != nil {
		return err
	}
	if next := localPath(f.Typed("next")); next != "" {
		return c.Redirect(http.StatusSeeOther, next)
	}
	return c.Redirect(http.StatusSeeOther, "/"+kind)
}

// ShowWorkplaces tells who works nowhere now what to do: choose, or be added.
func (h Handlers) ShowWorkplaces(c echo.Context) error {
	return page.Render(c, http.StatusOK, web.Workplaces(web.WorkplacesProps{Layout: h.Frame.Layout(c, layout.AreaPublic)}))
}
