package page

import (
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/middleware"
	"volary.dev/web/layout"
)

// Frame is what every page of this process shows alike.
type Frame struct {
	Simulated bool   // hosts are the memory driver's
	Version   string // of the program
	// Secure is for https, where cookies are sent by no other way.
	Secure bool
}

// Layout fills the frame's props for a page of an area from the request's session, and takes the notice of the
// request before it.
func (f Frame) Layout(c echo.Context, area layout.Area) layout.Props {
	p := layout.Props{
		Area: area, Simulated: f.Simulated, Version: f.Version, Now: time.Now().UTC(), Notice: f.takeNotice(c),
	}
	s := middleware.SessionOf(c)
	if s == nil {
		return p
	}
	p.Person = &layout.Person{Name: s.Name, Email: s.Email}
	p.Organization, p.Provider = s.OrganizationName, s.ProviderName
	return p
}

// The kinds of workplaces in the values of layout.Choice: KIND:ID.
const (
	KindOrganization = "org"
	KindProvider     = "provider"
)
