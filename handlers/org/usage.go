package org

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	web "volary.dev/web/org"
)

// ShowUsage shows hours and what used them.
func (h Handlers) ShowUsage(c echo.Context) error {
	hours, err := h.hours(c)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.Usage(web.UsageProps{Layout: h.layout(c), Hours: hours}))
}
