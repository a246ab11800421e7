package provider

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/live"
	"volary.dev/handlers/request"
)

// ShowEvents streams what changed for the provider: its hosts, and clusters, tests, orders and jobs on them.
func (h Handlers) ShowEvents(c echo.Context) error {
	return live.Stream{
		Changes: h.Changes, Whose: live.Whose{Provider: where(c)}, Kinds: []string{"host", "cluster", "test", "order", "job"},
		Lasts: func() bool { return h.sessionLasts(c) }, Stopping: h.Stopping, Heartbeat: h.Heartbeat,
	}.Serve(c)
}

// sessionLasts asks anew whether the session is good and still works for the provider.
func (h Handlers) sessionLasts(c echo.Context) bool {
	s, err := h.People.SessionByToken(c.Request().Context(), request.Token(c))
	return err == nil && s.ProviderID != nil && *s.ProviderID == where(c) && request.May(&s, request.ProviderRead)
}
