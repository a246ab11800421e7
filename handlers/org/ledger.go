package org

import (
	"io"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/sales"
)

// ExportLedger gives all journals of the organization, so that a stranger can recompute them without us.
func (h Handlers) ExportLedger(c echo.Context) error {
	orgID, _ := where(c)
	return sales.DownloadLedger(c, func(w io.Writer) error {
		return h.Books.ExportLedgerOfOrganization(c.Request().Context(), orgID, w)
	})
}
