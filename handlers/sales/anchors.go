package sales

import (
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
)

// DownloadAnchor sends the signed heads of the day that the query asks for: a provider's own, or with Nil all.
func DownloadAnchor(c echo.Context, b *books.DB, providerID uuid.UUID) error {
	typed := request.ParseQuery(c).Typed("day")
	day, err := time.Parse(time.DateOnly, typed)
	if err != nil {
		return refusal.NotFound("anchor")
	}
	envelope, err := b.Anchor(c.Request().Context(), providerID, day)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, fmt.Sprintf("attachment; filename=%q", "volary-heads-"+typed+".json"))
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, []byte(envelope))
}
