package page

import (
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/web/layout"
)

// otherPlace answers a form that was made for another place than the session works for by now: with what it held, and the ways to
// go on for the one or the other. The other's name is shown to who belongs there alone.
func (f Frame) otherPlace(c echo.Context, r refusal.Error, status int) error {
	req := c.Request()
	p := layout.OtherPlaceProps{Layout: f.Layout(c, area(c)), Path: req.URL.RequestURI(), Refusal: r, Reading: req.Method == http.MethodGet, On: back(c)}
	made := c.QueryParam(request.MadeFor)
	if p.Reading {
		p.Typed = withoutSlip(c.QueryParams())
		p.Path = req.URL.Path + "?" + p.Typed.Encode()
	} else {
		p.Typed = typed(req)
		p.Typed.Del(request.WorkFor)
		made = p.Typed.Get(request.MadeFor)
	}
	for _, choice := range p.Layout.Choices {
		if choice.Value == made {
			p.MadeFor = choice
		}
	}
	return Render(c, status, layout.OtherPlace(p))
}

// withoutSlip is a query that asks for the same page in whosever name.
func withoutSlip(query url.Values) url.Values {
	kept := url.Values{}
	for name, values := range query {
		if name != request.MadeFor && name != request.SlipID && name != request.WorkFor {
			kept[name] = values
		}
	}
	return kept
}

// sentOtherwise answers a form that was sent before and held something else then: with what it holds now, to be sent as another one.
func (f Frame) sentOtherwise(c echo.Context, r refusal.Error, status int) error {
	p := layout.SentOtherwiseProps{
		Layout: f.Layout(c, area(c)), Path: c.Request().URL.RequestURI(), Typed: typed(c.Request()), Refusal: r, First: request.Sent(c),
	}
	p.Typed.Set(request.SlipID, uuid.NewString())
	return Render(c, status, layout.SentOtherwise(p))
}
