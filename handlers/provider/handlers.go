package provider

import (
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	"volary.dev/web/layout"
)

// Handlers answers for providers' staff.
type Handlers struct {
	Store *store.DB
	Frame page.Frame
}

// where is the session's current provider. The policy has made sure of it.
func where(c echo.Context) (providerID uuid.UUID) { return *request.Session(c).ProviderID }

func (h Handlers) layout(c echo.Context) layout.Props { return h.Frame.Layout(c, layout.AreaProvider) }

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
