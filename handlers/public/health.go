package public

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// ShowHealth answers 200 while the database does, for load balancers.
func (h Handlers) ShowHealth(c echo.Context) error {
	if err := h.Core.Ping(c.Request().Context()); err != nil {
		return c.String(http.StatusServiceUnavailable, "database does not answer\n")
	}
	return c.String(http.StatusOK, "ok\n")
}
