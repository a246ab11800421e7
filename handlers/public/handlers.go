package public

import (
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	"volary.dev/store/overview"
	"volary.dev/store/people"
)

// Handlers answers for everyone.
type Handlers struct {
	Core     *store.DB
	People   *people.DB
	Overview *overview.DB
	Frame    page.Frame
	Cookie   respond.SessionCookie
	// Demo names the seeded people with their passwords on the sign-in page. Elsewhere nothing says who there is.
	Demo bool
}
