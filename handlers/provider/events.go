package provider

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/live"
	"volary.dev/handlers/request"
)

// ShowEvents streams what changed for the provider: its hosts, and clusters, tests, orders and jobs on them.
func (h Handlers) ShowEvents(c echo.Context) error {
	providerID := where(c)
	lasts := func() bool {
		s, err := h.Store.SessionByToken(c.Request().Context(), request.Token(c))
		return err == nil && s.ProviderID != nil && *s.ProviderID == providerID && request.May(&s, request.ProviderRead)
	}
	return live.Stream{
		Changes: h.Changes, Whose: live.Whose{Provider: providerID}, Kinds: []string{"host", "cluster", "test", "order", "job"},
		Lasts: lasts, Stopping: h.Stopping, Heartbeat: h.Heartbeat,
	}.Serve(c)
}
