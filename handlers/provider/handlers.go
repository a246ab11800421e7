package provider

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/relay"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/web/layout"
)

// Handlers answers for providers' staff.
type Handlers struct {
	Core     *store.DB
	People   *people.DB
	Books    *books.DB
	Machines *machines.DB
	Models   *models.DB
	Overview *overview.DB
	Frame    page.Frame
	// Relay opens the consoles that organizations consent to.
	Relay relay.Relay
	// PlainHosts allows hosts by tcp and unix, Simulated those that exist in memory alone.
	PlainHosts, Simulated bool
	// SimulatedFolder is where simulated hosts look for their codes; empty: not known here.
	SimulatedFolder string
	PublicURL       string // links of invitations begin with it
}

// who is the session's person.
func who(c echo.Context) uuid.UUID { return request.Session(c).PersonID }

// where is the session's current provider. The policy has made sure of it.
func where(c echo.Context) (providerID uuid.UUID) { return *request.Session(c).ProviderID }

func (h Handlers) layout(c echo.Context) layout.Props { return h.Frame.Layout(c, layout.AreaProvider) }
