package platform

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/web/layout"
)

// Handlers answers the platform's admins.
type Handlers struct {
	Core      *store.DB
	People    *people.DB
	Models    *models.DB
	Overview  *overview.DB
	Frame     page.Frame
	PublicURL string // links in mails begin with it
}

func (h Handlers) layout(c echo.Context) layout.Props { return h.Frame.Layout(c, layout.AreaPlatform) }

// by is who acts.
func by(c echo.Context) uuid.UUID { return request.Session(c).PersonID }
