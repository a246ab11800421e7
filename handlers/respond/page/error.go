package page

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/provisioner/refusal"
	"volary.dev/web/layout"
)

// retryAfter is in seconds what a program is told that asks while we are busy, or our database is away.
const retryAfter = "5"

// answerTime bounds the making of an error's page.
const answerTime = 5 * time.Second

// Error is echo's one error handler. Signed-out people are led to sign in and back; scripts get the sentence as
// text; everybody else a page. It logs nothing: middleware.Log does, once.
func (f Frame) Error(err error, c echo.Context) {
	if c.Response().Committed {
		return // a stream that broke: what is sent is sent
	}
	r, status := respond.Refusal(err, request.RequestID(c))
	// Where the time for the request is over, or its body did not come, its context has ended: its answer is made without it.
	if c.Request().Context().Err() != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), answerTime)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
	}
	if status == http.StatusServiceUnavailable {
		c.Response().Header().Set(echo.HeaderRetryAfter, retryAfter)
	}
	if ofUpload(c) {
		c.Response().Header().Set(respond.RefusalHeader, r.Code)
	}
	// An answer that cannot be written has no reader any more.
	_ = f.answer(c, r, status)
}

func (f Frame) answer(c echo.Context, r refusal.Error, status int) error {
	switch {
	case c.Request().Method == http.MethodHead:
		return c.NoContent(status)
	case r.Code == "signed_out":
		return f.signIn(c, status)
	case r.Code == "password_again" && wantsPage(c):
		return Render(c, status, layout.PasswordAgain(layout.PasswordAgainProps{
			Layout: f.Layout(c, area(c)), Path: c.Request().URL.RequestURI(), Typed: typed(c.Request()), Refusal: r,
		}))
	case r.Code == "other_place" && wantsPage(c):
		return f.otherPlace(c, r, status)
	case r.Code == "sent_otherwise" && wantsPage(c):
		return f.sentOtherwise(c, r, status)
	case !wantsPage(c):
		return c.String(status, r.Title+" "+r.Next+"\n")
	}
	if owner, ok := f.elsewhere(c, r.Code); ok {
		return Render(c, status, layout.Elsewhere(layout.ElsewhereProps{
			Layout: f.Layout(c, area(c)), Status: status, Owner: choice(owner), Next: c.Request().URL.RequestURI(),
		}))
	}
	p := layout.RefusalProps{
		Layout: f.Layout(c, area(c)), Status: status, Refusal: r,
		RequestID: request.RequestID(c), Back: back(c),
	}
	if c.Request().Method == http.MethodPost && mayPass(status) {
		if p.Typed = typed(c.Request()); len(p.Typed) > 0 && !request.HoldsSecrets(c.Request().PostForm) {
			p.Path = c.Request().URL.RequestURI() // its slip goes along: it is done once at most
		}
	}
	return Render(c, status, layout.Refusal(p))
}

// mayPass tells the answers that say nothing of what was asked for: the same form may be taken later.
func mayPass(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == http.StatusInternalServerError
}

// signIn leads to the sign-in page and back again. htmx is told to lead the whole page there; a form that was filled in
// is kept on a page of its own.
func (f Frame) signIn(c echo.Context, status int) error {
	req := c.Request()
	if request.IsFragment(c) {
		c.Response().Header().Set("HX-Redirect", signInAddress(req.Header.Get("HX-Current-URL")))
		return c.NoContent(status)
	}
	if !wantsPage(c) {
		return c.String(status, "You are not signed in.\n")
	}
	if req.Method == http.MethodGet {
		return c.Redirect(http.StatusSeeOther, signInAddress(req.URL.String()))
	}
	if typed := typed(req); len(typed) > 0 {
		return Render(c, status, layout.SignedOut(layout.SignedOutProps{Layout: f.Layout(c, layout.AreaPublic), Path: req.URL.RequestURI(), Typed: typed}))
	}
	return c.Redirect(http.StatusSeeOther, signInAddress(req.Referer()))
}

// signInAddress leads back to an address of ours; the sign-in page itself lets no other pass.
func signInAddress(from string) string {
	u, err := url.Parse(from)
	if err != nil || u.Path == "" {
		return "/sign-in"
	}
	return "/sign-in?next=" + url.QueryEscape(u.RequestURI())
}

// typed is what a form held, without passwords. A form that cannot be read is as good as empty.
func typed(req *http.Request) url.Values {
	if err := req.ParseForm(); err != nil {
		return nil
	}
	return request.WithoutSecrets(req.PostForm)
}

// wantsPage tells a browser's navigation from a script's request. A client that does not say gets a page.
func wantsPage(c echo.Context) bool {
	accept := c.Request().Header.Get(echo.HeaderAccept)
	if request.IsFragment(c) || ofUpload(c) {
		return false
	}
	return accept == "" || strings.Contains(accept, "text/html") || strings.Contains(accept, "*/*") && c.Request().Header.Get("Sec-Fetch-Mode") != "cors"
}

// ofUpload tells the requests of tus clients.
func ofUpload(c echo.Context) bool { return strings.HasPrefix(c.Request().URL.Path, "/uploads/") }

func area(c echo.Context) layout.Area {
	switch path := c.Request().URL.Path; {
	case request.Session(c) == nil:
		return layout.AreaPublic
	case strings.HasPrefix(path, "/org"):
		return layout.AreaOrg
	case path == "/provider-application":
		return layout.AreaAccount
	case strings.HasPrefix(path, "/provider"):
		return layout.AreaProvider
	case strings.HasPrefix(path, "/platform"):
		return layout.AreaPlatform
	case strings.HasPrefix(path, "/account"):
		return layout.AreaAccount
	default:
		return layout.AreaPublic
	}
}

// back is the list above the page that was refused.
func back(c echo.Context) string {
	parts := strings.Split(strings.Trim(c.Request().URL.Path, "/"), "/")
	if request.Session(c) == nil || len(parts) < 3 || !slices.Contains([]string{"org", "provider", "platform"}, parts[0]) {
		return "/"
	}
	return "/" + parts[0] + "/" + parts[1]
}
