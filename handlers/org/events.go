package org

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/live"
	"volary.dev/handlers/request"
)

// ShowEvents streams what changed for the organization.
func (h Handlers) ShowEvents(c echo.Context) error {
	orgID, _ := where(c)
	return live.Stream{
		Changes: h.Changes, Whose: live.Whose{Organization: orgID}, Kinds: []string{"cluster", "image", "test", "order", "request"},
		Lasts: func() bool { return h.sessionLasts(c, orgID) }, Stopping: h.Stopping, Heartbeat: h.Heartbeat,
	}.Serve(c)
}

// sessionLasts asks anew whether the session is good and still works for the organization.
func (h Handlers) sessionLasts(c echo.Context, orgID uuid.UUID) bool {
	s, err := h.People.SessionByToken(c.Request().Context(), request.Token(c))
	return err == nil && s.OrganizationID != nil && *s.OrganizationID == orgID && request.May(&s, request.OrgRead)
}
