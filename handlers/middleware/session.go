package middleware

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/provisioner"
	"volary.dev/store"
)

const (
	keySession = "volary.session"
	keyToken   = "volary.token"
)

// Sessions reads the session that a request's cookie names, and writes that cookie.
type Sessions struct {
	// ByToken finds a session; a refusal means that the token is worth nothing any more.
	ByToken func(ctx context.Context, token string) (store.Session, error)
	// Secure is for https: the cookie then takes the __Host- prefix, which ties it to this very host.
	Secure bool
}

// Load finds the request's session, if there is one, for everything behind it.
func (s Sessions) Load(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		cookie, err := c.Cookie(s.name())
		if err != nil || cookie.Value == "" || strings.HasPrefix(c.Path(), "/static/") {
			return next(c)
		}
		session, err := s.ByToken(c.Request().Context(), cookie.Value)
		if _, refused := provisioner.AsRefusal(err); refused {
			s.Clear(c)
			return next(c)
		}
		if err != nil {
			return err
		}
		c.Set(keySession, &session)
		c.Set(keyToken, cookie.Value)
		return next(c)
	}
}

// Set gives the browser a new session's token. Scripts cannot read it, and other sites' forms do not send it.
func (s Sessions) Set(c echo.Context, token string) { c.SetCookie(s.cookie(token, 0)) }

// Clear takes the token from the browser.
func (s Sessions) Clear(c echo.Context) { c.SetCookie(s.cookie("", -1)) }

func (s Sessions) name() string {
	if s.Secure {
		return "__Host-volary"
	}
	return "volary"
}

func (s Sessions) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: s.name(), Value: value, Path: "/", MaxAge: maxAge,
		Secure: s.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// SessionOf is the request's session, nil when nobody is signed in.
func SessionOf(c echo.Context) *store.Session {
	s, _ := c.Get(keySession).(*store.Session)
	return s
}

// TokenOf is the token of SessionOf, for what outlives a request and has to notice the session's end.
func TokenOf(c echo.Context) string {
	t, _ := c.Get(keyToken).(string)
	return t
}
