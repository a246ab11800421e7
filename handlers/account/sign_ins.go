package account

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/people"
	web "volary.dev/web/account"
)

// ListSignIns shows when and from where somebody signed in as the person, or tried to.
func (h Handlers) ListSignIns(c echo.Context) error {
	l, q := request.ParseList(c, "at", "outcome", "browser", "address"), request.ParseQuery(c)
	list, total, err := h.People.SignIns(c.Request().Context(), request.Session(c).PersonID, people.SignInFilter{
		Text: q.Typed("q"), Outcome: q.Typed("outcome"), Sorting: l.Sorting, Page: l.Page(),
	})
	if err != nil {
		return err
	}
	p := web.SignInListProps{
		Layout: h.layout(c), List: page.List(l, total), Text: q.Typed("q"), Outcome: q.Typed("outcome"), Days: people.ShownSignInDays,
	}
	for _, x := range list {
		row := web.SignInRow{At: x.At, Failed: x.Failed, More: x.More, Browser: browser(x.UserAgent)}
		if x.Failed {
			row.Why = whyFailed(x.Why)
		}
		if x.Address != nil {
			row.Address = x.Address.String()
		}
		p.SignIns = append(p.SignIns, row)
	}
	return page.Render(c, http.StatusOK, web.SignInList(p))
}

// whyFailed says a refusal's code to the person whose account it is.
func whyFailed(code string) string {
	switch code {
	case "suspended":
		return "with your password, while your account was suspended"
	case "unconfirmed":
		return "with the password of a sign-up that nobody confirmed"
	case "again":
		return "with a wrong password, where somebody signed in was asked for it again"
	default:
		return "with a wrong password"
	}
}
