package middleware

import (
	"fmt"
	"time"

	"github.com/labstack/echo/v4"
	"volary.dev/provisioner/refusal"
)

// Queue lets places requests of costly routes run at once; up to waiting more wait for at most patience, and any further
// one is refused with code "busy" at once. They wait here and not on database connections, of which the other routes then
// always find one. Routes that share a Queue share its places.
func Queue(places, waiting int, patience time.Duration) echo.MiddlewareFunc {
	running, here := make(chan struct{}, places), make(chan struct{}, places+waiting)
	busy := &refusal.Error{
		Code: "busy", Title: fmt.Sprintf("%d requests of this kind are being answered, and others wait.", places),
		Next: "Try again in a moment.",
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			select {
			case here <- struct{}{}:
				defer func() { <-here }()
			default:
				return busy
			}
			late := time.NewTimer(patience)
			defer late.Stop()
			select {
			case running <- struct{}{}:
				defer func() { <-running }()
				return next(c)
			case <-late.C:
				return busy
			case <-c.Request().Context().Done():
				return c.Request().Context().Err()
			}
		}
	}
}
