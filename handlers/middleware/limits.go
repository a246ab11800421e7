package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Limits bounds the body and the time of an ordinary request. Routes that last (uploads, event streams, consoles,
// exports) are not wrapped in it and bound themselves.
func Limits(body int64, read, write time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, w := c.Request(), c.Response()
			r.Body = http.MaxBytesReader(w.Writer, r.Body, body)
			control, now := http.NewResponseController(w.Writer), time.Now()
			// The server clears both deadlines before the connection's next request. A recorder in a test has none.
			err := errors.Join(control.SetReadDeadline(now.Add(read)), control.SetWriteDeadline(now.Add(write)))
			if err != nil && !errors.Is(err, http.ErrNotSupported) {
				return fmt.Errorf("set deadlines of a request: %w", err)
			}
			return next(c)
		}
	}
}
