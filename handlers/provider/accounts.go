package provider

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/books"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// EditAccounts shows when a month may be closed, and by what codes the provider's bookkeeping knows the accounts.
func (h Handlers) EditAccounts(c echo.Context) error {
	s, err := h.Books.AccountSettings(c.Request().Context(), where(c))
	if err != nil {
		return err
	}
	p := web.AccountsProps{Layout: h.layout(c), GraceDays: strconv.Itoa(s.GraceDays)}
	for _, a := range billing.MoneyAccounts() {
		p.Accounts = append(p.Accounts, web.AccountCode{Account: string(a), Code: s.Codes[a]})
	}
	return page.Render(c, http.StatusOK, web.Accounts(p))
}

// UpdateAccounts changes both.
func (h Handlers) UpdateAccounts(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.AccountsProps{Layout: h.layout(c), GraceDays: f.Typed("grace_days")}
	s := books.AccountSettings{Codes: map[billing.MoneyAccount]string{}, GraceDays: f.Int("grace_days", "the days of grace", 0, books.MostGraceDays)}
	for _, a := range billing.MoneyAccounts() {
		p.Accounts = append(p.Accounts, web.AccountCode{Account: string(a), Code: f.Typed(string(a))})
		s.Codes[a] = strings.TrimSpace(f.Typed(string(a)))
	}
	r := f.Refusal()
	if r == nil {
		err = h.Books.SetAccounts(c.Request().Context(), who(c), where(c), s)
		if r, _ = respond.AsForm(err); r == nil && err != nil {
			return err
		}
	}
	if r != nil {
		p.Form = ui.Form{Refusal: r}
		return page.Render(c, respond.Status(r.Code), web.Accounts(p))
	}
	return h.Frame.Done(c, "/provider/accounts", "Saved.")
}
