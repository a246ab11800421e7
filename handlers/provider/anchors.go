package provider

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/sales"
)

// DownloadAnchor sends a day's heads of the provider's own journals as they were signed.
func (h Handlers) DownloadAnchor(c echo.Context) error {
	return sales.DownloadAnchor(c, h.Books, where(c))
}
