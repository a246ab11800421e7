package respond

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// SessionCookie holds a session's token in the browser. Scripts cannot read it, and other sites' forms do not send
// it. Secure is for https: the cookie then takes the __Host- prefix, which ties it to this very host.
type SessionCookie struct{ Secure bool }

// Set gives the browser a new session's token.
func (s SessionCookie) Set(c echo.Context, token string) { c.SetCookie(s.cookie(token, 0)) }

// Clear takes the token from the browser.
func (s SessionCookie) Clear(c echo.Context) { c.SetCookie(s.cookie("", -1)) }

// Token is what the browser sent, empty for nothing.
func (s SessionCookie) Token(c echo.Context) string {
	cookie, err := c.Cookie(s.name())
	if err != nil {
		return ""
	}
	return cookie.Value
}

func (s SessionCookie) name() string {
	if s.Secure {
		return "__Host-volary"
	}
	return "volary"
}

func (s SessionCookie) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever the portal is reached by HTTPS
		Name: s.name(), Value: value, Path: "/", MaxAge: maxAge,
		Secure: s.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
