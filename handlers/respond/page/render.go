package page

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"volary.dev/handlers/respond"
	"volary.dev/web/ui"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

// Render answers with a whole page. It is rendered before anything is sent, so that an error in the middle of it
// is still an error page.
func Render(c echo.Context, status int, component templ.Component) error {
	var b bytes.Buffer
	if err := component.Render(c.Request().Context(), &b); err != nil {
		return fmt.Errorf("render %s: %w", c.Path(), err)
	}
	return c.HTMLBlob(status, forReading(b.Bytes(), readOnly(request.Session(c))))
}

// wholeLive is the fragment that follows changes; every page that does has one (ui.Live).
const wholeLive = "live"

// Live answers a GET with the page, or, when htmx asks, with the part of it whose element it will replace: the
// fragment named like the element's id. Without that fragment in the page nothing is sent and nothing replaced.
func Live(c echo.Context, component templ.Component) error {
	if !request.IsFragment(c) {
		return Render(c, http.StatusOK, component)
	}
	name := c.Request().Header.Get("HX-Target")
	if name == "" {
		name = wholeLive
	}
	var b bytes.Buffer
	if err := templ.RenderFragments(c.Request().Context(), &b, component, name); err != nil {
		return fmt.Errorf("render fragment of %s: %w", c.Path(), err)
	}
	if b.Len() == 0 {
		return c.NoContent(http.StatusNoContent)
	}
	return c.HTMLBlob(http.StatusOK, forReading(b.Bytes(), readOnly(request.Session(c))))
}

// StatusOf is the status of a page with forms: of the first refused one, else OK.
func StatusOf(forms ...ui.Form) int {
	for _, f := range forms {
		if f.Refusal != nil {
			return respond.Status(f.Refusal.Code)
		}
	}
	return http.StatusOK
}

// Time is how pages take a time that may not have come: zero then.
func Time(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
