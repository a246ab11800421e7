package respond

import (
	"net/http"
	"time"

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

// DeviceCookie holds a token by which a browser is known in which somebody signed in, long after the session has ended. It
// opens nothing: what strangers try with the person's account does not keep this browser out.
type DeviceCookie struct{ Secure bool }

const deviceAge = 400 * 24 * time.Hour

// Set gives the browser its token.
func (d DeviceCookie) Set(c echo.Context, token string) {
	c.SetCookie(&http.Cookie{ //nolint:gosec // Secure wherever the portal is reached by HTTPS
		Name: d.name(), Value: token, Path: "/", MaxAge: int(deviceAge / time.Second),
		Secure: d.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// Token is what the browser sent, empty for nothing.
func (d DeviceCookie) Token(c echo.Context) string {
	cookie, err := c.Cookie(d.name())
	if err != nil {
		return ""
	}
	return cookie.Value
}

func (d DeviceCookie) name() string {
	if d.Secure {
		return "__Host-volary-device"
	}
	return "volary-device"
}
