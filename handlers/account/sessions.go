package account

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/people"
	web "volary.dev/web/account"
)

// ListSessions shows where the person is signed in.
func (h Handlers) ListSessions(c echo.Context) error {
	s := request.Session(c)
	l, q := request.ParseList(c, "browser", "seen", "created", "address"), request.ParseQuery(c)
	list, total, err := h.People.Sessions(c.Request().Context(), s.PersonID, people.SessionFilter{Text: q.Typed("q"), Sorting: l.Sorting, Page: l.Page()})
	if err != nil {
		return err
	}
	p := web.SessionListProps{Layout: h.layout(c), List: page.List(l, total), Text: q.Typed("q"), Idle: h.People.IdleTime()}
	for _, x := range list {
		row := web.SessionRow{ID: x.ID, Browser: browser(x.UserAgent), Began: x.CreatedAt, Seen: x.SeenAt, Ends: x.ExpiresAt, Here: x.ID == s.ID}
		if x.Address != nil {
			row.Address = x.Address.String()
		}
		p.Sessions = append(p.Sessions, row)
	}
	return page.Render(c, http.StatusOK, web.SessionList(p))
}

// DeleteSession ends one of the person's sessions; the present one may be it.
func (h Handlers) DeleteSession(c echo.Context) error {
	id, err := request.ID(c, "id", "session")
	if err != nil {
		return err
	}
	if err := h.People.EndSession(c.Request().Context(), request.Session(c).PersonID, id); err != nil {
		return err
	}
	return h.Frame.Done(c, "/account/sessions", "The session is ended.")
}

// DeleteOtherSessions ends all but the present one.
func (h Handlers) DeleteOtherSessions(c echo.Context) error {
	s := request.Session(c)
	n, err := h.People.EndOtherSessions(c.Request().Context(), s.PersonID, s.ID)
	if err != nil {
		return err
	}
	notice := fmt.Sprintf("%d other sessions were ended.", n)
	if n == 1 {
		notice = "1 other session was ended."
	}
	return h.Frame.Done(c, "/account/sessions", notice)
}

// browser says in two words what a User-Agent header names, as far as it is known; it is the sender's word.
func browser(agent string) string {
	program := named(agent, [][2]string{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}, {"Go-http-client", "a Go program"},
	})
	system := named(agent, [][2]string{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	})
	switch {
	case program == "" && system == "":
		return "An unknown browser"
	case system == "":
		return program
	case program == "":
		return "A browser on " + system
	}
	return program + " on " + system
}

func named(agent string, marks [][2]string) string {
	for _, m := range marks {
		if strings.Contains(agent, m[0]) {
			return m[1]
		}
	}
	return ""
}
