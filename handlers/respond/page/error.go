package page

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/provisioner"
	"volary.dev/web/layout"
)

// Error is echo's one error handler. Signed-out people are led to sign in and back; scripts get the sentence as
// text; everybody else a page. It logs nothing: middleware.Log does, once.
func (f Frame) Error(err error, c echo.Context) {
	if c.Response().Committed {
		return // a stream that broke: what is sent is sent
	}
	r, status := respond.Refusal(err, request.RequestID(c))
	// An answer that cannot be written has no reader any more.
	_ = f.answer(c, r, status)
}

func (f Frame) answer(c echo.Context, r provisioner.Refusal, status int) error {
	switch {
	case c.Request().Method == http.MethodHead:
		return c.NoContent(status)
	case r.Code == "signed_out":
		return signIn(c, status)
	case !wantsPage(c):
		return c.String(status, r.Title+" "+r.Next+"\n")
	}
	return Render(c, status, layout.Refusal(layout.RefusalProps{
		Layout: f.Layout(c, area(c)), Status: status, Refusal: r,
		RequestID: request.RequestID(c), Back: back(c),
	}))
}

// signIn leads to the sign-in page and, from a GET, back again. htmx is told to lead the whole page there.
func signIn(c echo.Context, status int) error {
	to := "/sign-in"
	if c.Request().Method == http.MethodGet && !request.IsFragment(c) {
		to += "?next=" + url.QueryEscape(c.Request().URL.RequestURI())
	}
	if request.IsFragment(c) {
		c.Response().Header().Set("HX-Redirect", to)
		return c.NoContent(status)
	}
	if !wantsPage(c) {
		return c.String(status, "You are not signed in.\n")
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// wantsPage tells a browser's navigation from a script's request. A client that does not say gets a page.
func wantsPage(c echo.Context) bool {
	accept := c.Request().Header.Get(echo.HeaderAccept)
	if request.IsFragment(c) || strings.HasPrefix(c.Request().URL.Path, "/uploads/") {
		return false
	}
	return accept == "" || strings.Contains(accept, "text/html") || strings.Contains(accept, "*/*") && c.Request().Header.Get("Sec-Fetch-Mode") != "cors"
}

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
