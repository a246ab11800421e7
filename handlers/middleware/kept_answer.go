package middleware

import (
	"bytes"
	"maps"
	"net/http"

	"github.com/labstack/echo/v4"
)

// Kept gives an answer once everything behind it is done: a reader who takes it slowly holds no place of a Queue. It is for pages, which are
// small, and not for what streams.
func Kept(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		held, ended := hold(c), false
		defer func() {
			if !ended {
				held.discard(c) // a panic is answered by who recovers from it
			}
		}()
		err := next(c)
		ended = true
		held.release(c)
		return err
	}
}

// keptAnswer keeps an answer back until it is known whether it is the one to give. The answers to forms are pages and small.
type keptAnswer struct {
	http.ResponseWriter
	before http.Header
	status int
	body   bytes.Buffer
}

func hold(c echo.Context) *keptAnswer {
	h := &keptAnswer{ResponseWriter: c.Response().Writer, before: c.Response().Header().Clone()}
	c.Response().Writer = h
	return h
}

func (h *keptAnswer) WriteHeader(status int) { h.status = status }

func (h *keptAnswer) Write(b []byte) (int, error) { return h.body.Write(b) }

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (h *keptAnswer) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// release gives the answer.
func (h *keptAnswer) release(c echo.Context) {
	c.Response().Writer = h.ResponseWriter
	if h.status == 0 {
		return // the error handler answers
	}
	h.ResponseWriter.WriteHeader(h.status)
	_, _ = h.ResponseWriter.Write(h.body.Bytes()) // who does not read any more comes again
}

// discard forgets the answer, its cookies too.
func (h *keptAnswer) discard(c echo.Context) {
	header := h.Header()
	clear(header)
	maps.Copy(header, h.before)
	c.SetResponse(echo.NewResponse(h.ResponseWriter, c.Echo()))
}
