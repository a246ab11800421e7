package account

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	web "volary.dev/web/account"
)

// ShowAccount shows name, address and the places where a person works.
func (h Handlers) ShowAccount(c echo.Context) error {
	s := request.Session(c)
	return h.accountPage(c, web.AccountShowProps{Name: s.Name})
}

// UpdateAccount changes the name.
func (h Handlers) UpdateAccount(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.AccountShowProps{Name: f.Typed("name")}
	name := f.Name("name", "your name", 1, 120)
	if p.NameForm.Refusal = f.Refusal(); p.NameForm.Refusal != nil {
		return h.accountPage(c, p)
	}
	err = h.People.ChangeName(c.Request().Context(), request.Session(c).PersonID, name)
	if r, ok := respond.AsForm(err); ok {
		p.NameForm.Refusal = r
		return h.accountPage(c, p)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/account", "Your name is changed.")
}

// UpdateEmail mails a link to a new address, which signs in once the link is opened.
func (h Handlers) UpdateEmail(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	s := request.Session(c)
	p := web.AccountShowProps{Name: s.Name, Email: f.Typed("email")}
	email, current := f.Text("email", "the new address", 3, 254), f.Secret("current", "your password", secretBytes)
	if p.EmailForm.Refusal = f.Refusal(); p.EmailForm.Refusal != nil {
		return h.accountPage(c, p)
	}
	err = h.People.RequestEmail(c.Request().Context(), *s, email, current, c.RealIP())
	if r, ok := respond.AsForm(err); ok {
		p.EmailForm.Refusal = r
		return h.accountPage(c, p)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/account", "A mail to "+email+" says how to go on. Until its link is opened, "+s.Email+" signs in.")
}

func (h Handlers) accountPage(c echo.Context, p web.AccountShowProps) error {
	s := request.Session(c)
	places, err := h.People.Workplaces(c.Request().Context(), s.PersonID)
	if err != nil {
		return err
	}
	if p.Refused, err = h.refusedMails(c); err != nil {
		return err
	}
	p.Layout = h.layout(c)
	for _, w := range places.Organizations {
		p.Places = append(p.Places, web.Place{Name: w.Name, Kind: "Organization", Role: w.Role, Value: page.KindOrganization + ":" + w.ID.String(), Here: s.OrganizationID != nil && *s.OrganizationID == w.ID})
	}
	for _, w := range places.Providers {
		p.Places = append(p.Places, web.Place{Name: w.Name, Kind: "Provider", Role: w.Role, Value: page.KindProvider + ":" + w.ID.String(), Here: s.ProviderID != nil && *s.ProviderID == w.ID})
	}
	return page.Render(c, page.StatusOf(p.NameForm, p.EmailForm), web.AccountShow(p))
}
