package org

import (
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

// DismissAnnouncement takes an announcement from the person's pages and leads back to the one it was on.
func (h Handlers) DismissAnnouncement(c echo.Context) error {
	id, err := request.ID(c, "id", "announcement")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	if err := h.People.DismissAnnouncement(c.Request().Context(), orgID, personID, id); err != nil {
		return err
	}
	back := "/org"
	if from, err := url.Parse(c.Request().Referer()); err == nil && from.Host == c.Request().Host && strings.HasPrefix(from.Path, "/org") {
		back = from.RequestURI()
	}
	return h.Frame.Done(c, back, "")
}
