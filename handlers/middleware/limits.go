package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

// Limits bounds the body of an ordinary request and the time that its handler may take. Its reading and its answer have
// the server's deadlines (setup.ServeListener), which hold for every request that no route lifts them from.
func Limits(body int64, work time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, w := c.Request(), c.Response()
			r.Body = http.MaxBytesReader(w.Writer, r.Body, body)
			ctx, cancel := context.WithTimeout(r.Context(), work)
			defer cancel()
			c.SetRequest(r.WithContext(ctx))
			// An error's page is made in the request's own time, and knows the form that was read.
			defer func() { c.SetRequest(c.Request().WithContext(r.Context())) }()
			return next(c)
		}
	}
}

// Arrived lets a form go on once all of it is here: who sends slowly holds nothing that others wait for.
func Arrived(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, err := request.ParseForm(c); err != nil {
			return err
		}
		return next(c)
	}
}

// Lasting lifts the server's deadlines from a route that lasts: an event stream, a console, an upload. Such a route
// bounds what it reads and writes itself. It goes behind Require: what is refused keeps the deadlines. A body is read by uploads alone: any other of
// these routes refuses one before it lasts.
func Lasting(takesBody bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !takesBody && c.Request().ContentLength != 0 {
				return echo.ErrBadRequest
			}
			if err := deadlines(c.Response().Writer, time.Time{}, time.Time{}); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// Rolling is for answers that may be long (exports): every piece of pieceBytes has pace to be taken by the reader, however many
// there are. Who takes less is cut off.
func Rolling(pace time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if c.Request().ContentLength != 0 {
				return echo.ErrBadRequest
			}
			w := c.Response().Writer
			if err := deadlines(w, time.Time{}, time.Now().Add(pace)); err != nil {
				return err
			}
			c.Response().Writer = &rollingWriter{ResponseWriter: w, pace: pace}
			defer func() { c.Response().Writer = w }()
			return next(c)
		}
	}
}

// pieceBytes is far below what a socket takes at once from a writer whose reader is alive.
const pieceBytes = 64 << 10

type rollingWriter struct {
	http.ResponseWriter
	pace time.Duration
}

// Unwrap is for http.ResponseController.
func (w *rollingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write implements io.Writer.
func (w *rollingWriter) Write(b []byte) (n int, err error) {
	for first := true; first || len(b) > 0; first = false {
		piece := b[:min(len(b), pieceBytes)]
		if err := w.roll(); err != nil {
			return n, err
		}
		m, err := w.ResponseWriter.Write(piece)
		n += m
		if err != nil {
			return n, err
		}
		b = b[len(piece):]
	}
	return n, nil
}

func (w *rollingWriter) roll() error {
	err := http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.pace))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("roll the deadline of an answer: %w", err)
	}
	return nil
}

// deadlines sets both of a request's connection; zero lifts one. A recorder in a test has none.
func deadlines(w http.ResponseWriter, read, write time.Time) error {
	control := http.NewResponseController(w)
	err := errors.Join(control.SetReadDeadline(read), control.SetWriteDeadline(write))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set deadlines of a request: %w", err)
	}
	return nil
}
