package public

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/middleware"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	web "volary.dev/web/public"
)

// Handlers answers for everyone.
type Handlers struct {
	Store    *store.DB
	Frame    page.Frame
	Sessions middleware.Sessions
	// Seeded are a demo's people, shown with their passwords on the sign-in page. Empty outside of demos.
	Seeded []web.SeededUser
}

// Home leads to where the session works, else to the sign-in page.
func (h Handlers) Home(c echo.Context) error { return c.Redirect(http.StatusSeeOther, homeOf(middleware.SessionOf(c))) }

func homeOf(s *store.Session) string {
	switch {
	case s == nil:
		return "/sign-in"
	case s.OrganizationID != nil:
		return "/org"
	case s.ProviderID != nil:
		return "/provider"
	default:
		return "/workplaces"
	}
}

// ShowHealth answers 200 while the database does, for load balancers.
func (h Handlers) ShowHealth(c echo.Context) error {
	if err := h.Store.Ping(c.Request().Context()); err != nil {
		return c.String(http.StatusServiceUnavailable, "database does not answer\n")
	}
	return c.String(http.StatusOK, "ok\n")
}
