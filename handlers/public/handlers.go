package public

import (
	"context"
	"time"

	"volary.dev/handlers/live"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/models"
	"volary.dev/store/overview"
	"volary.dev/store/people"
)

// Handlers answers for everyone.
type Handlers struct {
	Core     *store.DB
	People   *people.DB
	Books    *books.DB
	Models   *models.DB
	Overview *overview.DB
	Frame    page.Frame
	Cookie   respond.SessionCookie
	Device   respond.DeviceCookie
	// Demo names its people with their passwords on the sign-in page. Elsewhere nothing says who there is.
	Demo    bool
	Changes *live.Changes
	// UploadsLack says what keeps uploads from coming; empty: nothing.
	UploadsLack func(ctx context.Context) string
	// Stopping ends when the process is asked to stop: event streams end first.
	Stopping context.Context
	// Heartbeat keeps proxies from cutting a quiet stream, and is how late the end of its session is noticed.
	Heartbeat time.Duration
}
