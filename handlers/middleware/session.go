package middleware

import (
	"context"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/provisioner"
	"volary.dev/store/people"
)

// Session finds the session that the request's cookie names, if there is one, for everything behind it. A token
// that is worth nothing any more is taken from the browser.
func Session(cookie respond.SessionCookie, byToken func(ctx context.Context, token string) (people.Session, error)) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			token := cookie.Token(c)
			if token == "" || strings.HasPrefix(c.Path(), "/static/") {
				return next(c)
			}
			s, err := byToken(c.Request().Context(), token)
			if _, refused := provisioner.AsRefusal(err); refused {
				cookie.Clear(c)
				return next(c)
			}
			if err != nil {
				return err
			}
			request.SetSession(c, &s, token)
			return next(c)
		}
	}
}
