package account

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	web "volary.dev/web/account"
	"volary.dev/web/layout"
	"volary.dev/web/ui"
)

// secretBytes is more than any password that is taken, and bounds what is looked at.
const secretBytes = 1024

// Handlers answers people about themselves.
type Handlers struct {
	Store *store.DB
	Frame page.Frame
}

func (h Handlers) layout(c echo.Context) layout.Props { return h.Frame.Layout(c, layout.AreaAccount) }

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
	name := f.Text("name", "your name", 1, 120)
	if p.NameForm.Refusal = f.Refusal(); p.NameForm.Refusal != nil {
		return h.accountPage(c, p)
	}
	err = h.Store.ChangeName(c.Request().Context(), request.Session(c).PersonID, name)
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
	err = h.Store.RequestEmail(c.Request().Context(), *s, email, current, c.RealIP())
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
	places, err := h.Store.Workplaces(c.Request().Context(), s.PersonID)
	if err != nil {
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

// EditPassword shows the form for another password.
func (h Handlers) EditPassword(c echo.Context) error {
	return page.Render(c, http.StatusOK, web.PasswordEdit(web.PasswordEditProps{Layout: h.layout(c)}))
}

// UpdatePassword sets another password and ends the other sessions.
func (h Handlers) UpdatePassword(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	current, password := f.Secret("current", "your password", secretBytes), f.Secret("password", "the new password", secretBytes)
	r := f.Refusal()
	if r == nil {
		err = h.Store.ChangePassword(c.Request().Context(), *request.Session(c), current, password, c.RealIP())
		r, _ = respond.AsForm(err)
	}
	if r != nil {
		form := ui.Form{Refusal: r}
		return page.Render(c, page.StatusOf(form), web.PasswordEdit(web.PasswordEditProps{Layout: h.layout(c), Form: form}))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/account/password", "Your password is changed, and your other sessions were ended.")
}

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
	name := f.Text("name", "a name", 2, 80)
	r := f.Refusal()
	if r == nil {
		err = h.Store.FoundOrganization(c.Request().Context(), *request.Session(c), name)
		r, _ = respond.AsForm(err)
	}
	if r != nil {
		p := web.OrganizationNewProps{Layout: h.layout(c), Form: ui.Form{Refusal: r}, Name: f.Typed("name")}
		return page.Render(c, page.StatusOf(p.Form), web.OrganizationNew(p))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/org", name+" is made, and you are its owner.")
}
