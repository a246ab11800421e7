package account

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	"volary.dev/web/layout"
)

// secretBytes is more than any password that is taken, and bounds what is looked at.
const secretBytes = 1024

// Handlers answers people about themselves.
type Handlers struct {
	People   *people.DB
	Machines *machines.DB
	Frame    page.Frame
}

func (h Handlers) layout(c echo.Context) layout.Props { return h.Frame.Layout(c, layout.AreaAccount) }
