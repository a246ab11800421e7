package public

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// ShowHealth answers 200 while the process serves, whatever its database does: what restarts a process that is not well
// must not do so for a database that is away.
func (h Handlers) ShowHealth(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// readyTime is how long the database may take to answer who asks whether we are ready.
const readyTime = 2 * time.Second

// ShowReadiness answers 200 while the database does too, for load balancers. What keeps uploads from coming is told and changes nothing: all
// processes lack the same, and a portal without uploads is better than none.
func (h Handlers) ShowReadiness(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), readyTime)
	defer cancel()
	if err := h.Core.Ping(ctx); err != nil {
		c.Response().Header().Set(echo.HeaderRetryAfter, "5")
		return c.String(http.StatusServiceUnavailable, "the database does not answer\n")
	}
	said := "ready\n"
	if lacks := h.UploadsLack(ctx); lacks != "" {
		said += "but " + lacks + "\n"
	}
	return c.String(http.StatusOK, said)
}
