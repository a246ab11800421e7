package org

import (
	"github.com/labstack/echo/v4"
)

// DiscardUpload removes what came of an unfinished upload, whoever of the organization began it.
func (h Handlers) DiscardUpload(c echo.Context) error {
	orgID, personID := where(c)
	if err := h.Uploads.Discard(c.Request().Context(), orgID, personID, c.Param("id")); err != nil {
		return err
	}
	return h.Frame.Done(c, "/org/images", "The upload is discarded. What was sent of it is removed.")
}
