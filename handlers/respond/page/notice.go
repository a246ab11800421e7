package page

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

const (
	noticeCookie = "volary_notice"
	noticeLimit  = 300
)

// Done ends a POST that worked: on to href, where notice is shown once.
func (f Frame) Done(c echo.Context, href, notice string) error {
	request.SetNotice(c, notice)
	if notice != "" {
		c.SetCookie(f.cookie(url.QueryEscape(notice), 60))
	}
	return c.Redirect(http.StatusSeeOther, href)
}

func (f Frame) takeNotice(c echo.Context) string {
	cookie, err := c.Cookie(noticeCookie)
	if err != nil || cookie.Value == "" {
		return ""
	}
	c.SetCookie(f.cookie("", -1))
	text, err := url.QueryUnescape(cookie.Value)
	if err != nil || len(text) > noticeLimit {
		return ""
	}
	return text
}

func (f Frame) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever the portal is reached by HTTPS
		Name: noticeCookie, Value: value, Path: "/", MaxAge: maxAge,
		Secure: f.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
