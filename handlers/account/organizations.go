package account

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/typed"
	web "volary.dev/web/account"
	"volary.dev/web/ui"
)

// NewOrganization shows the form for an organization of one's own.
func (h Handlers) NewOrganization(c echo.Context) error {
	return page.Render(c, http.StatusOK, web.OrganizationNew(web.OrganizationNewProps{Layout: h.layout(c)}))
}

// CreateOrganization makes an organization whose owner the person is, and goes to work for it.
func (h Handlers) CreateOrganization(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	name := f.Name("name", "a name", 2, 80)
	r := f.Refusal()
	if r == nil {
		err = h.People.FoundOrganization(c.Request().Context(), *request.Session(c), name)
		r, _ = respond.AsForm(err)
	}
	if r != nil {
		p := web.OrganizationNewProps{Layout: h.layout(c), Form: ui.Form{Refusal: r}, Name: f.Typed("name")}
		return page.Render(c, page.StatusOf(p.Form), web.OrganizationNew(p))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/org", typed.Isolate(name)+" is made, and you are its owner.")
}
