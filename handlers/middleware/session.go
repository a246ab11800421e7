package middleware

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// Session finds the session that the request's cookie names, if there is one, for everything behind it, and gives the
// request's context what the log says of where a thing was done from. A token that is worth nothing any more is taken from
// the browser. use finds a session for what a person asks, and look for what a browser asks by itself, page by page and for
// ever: streams, and fragments of pages that are open. Of a console only the opening is use: what is typed may be the
// browser's answer to what the guest wrote.
func Session(cookie respond.SessionCookie, use, look func(ctx context.Context, token string) (people.Session, error)) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			whence(c, uuid.Nil)
			token := cookie.Token(c)
			if token == "" || strings.HasPrefix(c.Path(), "/static/") || c.Path() == "/healthz" || c.Path() == "/readyz" {
				return next(c)
			}
			find := use
			if c.Path() == "/events" || (c.Request().Method == http.MethodGet && request.IsFragment(c)) {
				find = look
			}
			s, err := find(c.Request().Context(), token)
			if _, refused := refusal.As(err); refused {
				cookie.Clear(c)
				return next(c)
			}
			if err != nil {
				return err
			}
			request.SetSession(c, &s, token)
			whence(c, s.ID)
			return next(c)
		}
	}
}

func whence(c echo.Context, session uuid.UUID) {
	address, _ := netip.ParseAddr(c.RealIP()) // a trusted proxy may name something else; then there is none
	r := c.Request()
	c.SetRequest(r.WithContext(store.WithOrigin(r.Context(), store.Origin{Session: session, Address: address})))
}
