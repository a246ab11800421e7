package org

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond"
)

// RestoreVersion publishes a withdrawn version again.
func (h Handlers) RestoreVersion(c echo.Context) error {
	v, err := h.version(c)
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	err = h.Models.RestoreVersion(c.Request().Context(), orgID, personID, v.ID)
	if r, ok := respond.AsForm(err); ok {
		return h.versionAgain(c, v, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, versionPath(v.ID), "Published again, as it was: it can be launched and tested, and holds its images.")
}
