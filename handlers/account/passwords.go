package account

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	web "volary.dev/web/account"
	"volary.dev/web/ui"
)

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
		err = h.People.ChangePassword(c.Request().Context(), *request.Session(c), current, password, c.RealIP())
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
