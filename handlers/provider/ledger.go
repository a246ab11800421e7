package provider

import (
	"io"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/sales"
)

// ExportLedger gives all journals of the provider, so that a stranger can recompute them without us.
func (h Handlers) ExportLedger(c echo.Context) error {
	return sales.DownloadLedger(c, func(w io.Writer) error {
		return h.Books.ExportLedgerOfProvider(c.Request().Context(), where(c), w)
	})
}
