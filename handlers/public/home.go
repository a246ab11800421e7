package public

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/store/people"
)

// Home leads to where the session works; who is not signed in sees the market.
func (h Handlers) Home(c echo.Context) error {
	if request.Session(c) == nil {
		return h.ShowMarket(c)
	}
	return c.Redirect(http.StatusSeeOther, homeOf(request.Session(c)))
}

func homeOf(s *people.Session) string {
	switch {
	case s == nil:
		return "/sign-in"
	case s.OrganizationID != nil:
		return "/org"
	case s.ProviderID != nil:
		return "/provider"
	case s.PlatformAdmin, s.PlatformAuditor:
		return "/platform"
	default:
		return "/workplaces"
	}
}
