package middleware

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
)

// Places is what ForPlace asks the store for.
type Places struct {
	SwitchOrganization, SwitchProvider func(ctx context.Context, session, id uuid.UUID) error
	Look                               func(ctx context.Context, token string) (people.Session, error)
}

// For lets a form pass that was made for the place that the session works for now, among those that a permission is about, or says
// nothing of it, as scripts' do. Any other is refused with code "other_place", of which the error handler makes a page that keeps
// the form. A form that comes back from there with the field WorkFor has its session work for that place first, and is then what it was.
// It comes before the permission: what is somebody's role, or somebody's at all, differs from place to place.
func (p Places) For(may request.Permission) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			s := request.Session(c)
			here, of := request.Place(s, may)
			if !of {
				return next(c)
			}
			made, workFor, err := slipPlace(c)
			if err != nil {
				return err
			}
			if made != "" && made != here {
				if workFor != made {
					return otherPlace()
				}
				if err := p.move(c, s.ID, made); err != nil {
					return err
				}
			}
			if workFor != "" {
				request.Drop(c.Request(), request.WorkFor)
			}
			return next(c)
		}
	}
}

// slipPlace is for whom a request's form was made; only what is posted may ask for a switch.
func slipPlace(c echo.Context) (made, workFor string, err error) {
	if c.Request().Method != http.MethodPost {
		return c.QueryParam(request.MadeFor), "", nil
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return "", "", err
	}
	return f.Typed(request.MadeFor), f.Typed(request.WorkFor), nil
}

// move has the session work for a place, if its person belongs there, from this request on.
func (p Places) move(c echo.Context, session uuid.UUID, place string) error {
	kind, id, ok := request.ParsePlace(place)
	if !ok {
		return otherPlace()
	}
	ctx := c.Request().Context()
	turn := p.SwitchOrganization
	if kind == request.KindProvider {
		turn = p.SwitchProvider
	}
	err := turn(ctx, session, id)
	if r, refused := refusal.As(err); refused && r.Code == "not_found" {
		return otherPlace()
	}
	if err != nil {
		return err
	}
	token := request.Token(c)
	s, err := p.Look(ctx, token)
	if err != nil {
		return err
	}
	request.SetSession(c, &s, token)
	return nil
}

func otherPlace() *refusal.Error {
	return &refusal.Error{
		Code: "other_place", Title: "This form was made for another place than you work for now. Nothing was done.",
		Next: "Switch to the place that it was made for, or open it anew.",
	}
}
