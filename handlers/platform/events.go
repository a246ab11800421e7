package platform

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/live"
	"volary.dev/handlers/request"
)

// ShowEvents streams what changed anywhere: kinds and ids, never content.
func (h Handlers) ShowEvents(c echo.Context) error {
	return live.Stream{
		Changes: h.Changes, Whose: live.Whose{Everything: true}, Kinds: []string{"host", "cluster", "image", "test", "order", "request", "job"},
		Lasts: func() bool {
			s, err := h.People.SessionByToken(c.Request().Context(), request.Token(c))
			return err == nil && request.May(&s, request.Platform)
		}, Stopping: h.Stopping, Heartbeat: h.Heartbeat,
	}.Serve(c)
}
