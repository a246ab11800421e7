package provider

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	web "volary.dev/web/provider"
)

// ShowUsage shows a month's totals.
func (h Handlers) ShowUsage(c echo.Context) error {
	return page.Render(c, http.StatusOK, web.UsageExport(web.UsageExportProps{Layout: h.layout(c)}))
}

// ExportUsage gives a month's use as CSV.
func (h Handlers) ExportUsage(echo.Context) error { return echo.ErrNotFound }
