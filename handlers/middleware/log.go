package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

// Log writes one line per request once it is answered: 5xx as an error with its cause, everything else as info,
// built files and health checks only for debugging. Paths are logged as routes, so that no id and no query gets
// into the message; the id of what was asked for is an attribute of its own.
func Log(log *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			begin := time.Now()
			err := next(c)
			if err != nil {
				c.Error(err) // writes the answer, so that the status below is the one sent
			}
			level := slog.LevelInfo
			switch {
			case strings.HasPrefix(c.Path(), "/static/"), c.Path() == "/healthz", c.Path() == "/readyz":
				level = slog.LevelDebug
			case c.Response().Status >= http.StatusInternalServerError:
				level = slog.LevelError
			}
			log.LogAttrs(c.Request().Context(), level, "request", requestAttrs(c, begin, err)...)
			return nil
		}
	}
}

func requestAttrs(c echo.Context, begin time.Time, err error) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("request", request.RequestID(c)),
		slog.String("method", c.Request().Method),
		slog.String("route", c.Path()),
		slog.Int("status", c.Response().Status),
		slog.Float64("ms", float64(time.Since(begin).Microseconds())/1000),
		slog.String("address", c.RealIP()),
	}
	if id := c.Param("id"); id != "" {
		attrs = append(attrs, slog.String("id", id))
	}
	if s := request.Session(c); s != nil {
		attrs = append(attrs, slog.String("person", s.PersonID.String()))
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		attrs = append(attrs, slog.Any("error", err))
	}
	return attrs
}

// Recover turns a panic into an error that carries the stack, so that one request's mistake ends that request.
func Recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			r := recover()
			if r == nil {
				return
			}
			if e, ok := r.(error); ok && errors.Is(e, http.ErrAbortHandler) {
				panic(r) // net/http's own way to cut a connection
			}
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}()
		return next(c)
	}
}
