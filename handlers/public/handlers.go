package public

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
)

// Handlers answers for everyone.
type Handlers struct {
	Store  *store.DB
	Frame  page.Frame
	Cookie respond.SessionCookie
	// Demo names the seeded people with their passwords on the sign-in page. Elsewhere nothing says who there is.
	Demo bool
}

// Home leads to where the session works; who is not signed in sees the market.
func (h Handlers) Home(c echo.Context) error {
	if request.Session(c) == nil {
		return h.ShowMarket(c)
	}
	return c.Redirect(http.StatusSeeOther, homeOf(request.Session(c)))
}

func homeOf(s *store.Session) string {
	switch {
	case s == nil:
		return "/sign-in"
	case s.OrganizationID != nil:
		return "/org"
	case s.ProviderID != nil:
		return "/provider"
	case s.PlatformAdmin:
		return "/platform"
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
