package platform

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/live"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/web/layout"
)

// Handlers answers the platform's admins.
type Handlers struct {
	Core      *store.DB
	People    *people.DB
	Overview  *overview.DB
	Frame     page.Frame
	PublicURL string // links in mails begin with it
	Changes   *live.Changes
	// Stopping ends when the process is asked to stop: event streams end first.
	Stopping context.Context
	// Heartbeat keeps proxies from cutting a quiet stream, and is how late the end of its session is noticed.
	Heartbeat time.Duration
}

func (h Handlers) layout(c echo.Context) layout.Props { return h.Frame.Layout(c, layout.AreaPlatform) }

// by is who acts.
func by(c echo.Context) uuid.UUID { return request.Session(c).PersonID }
