package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/middleware"
	"volary.dev/handlers/respond/page"
)

// formPages is the page that each form stands on, by the address that it is sent to: what is answered there, a refusal with what
// was typed, can be reloaded and opened. It is the page that makes or edits what the address names, else the page of that
// address, else the nearest page above it; stands has the rest.
func formPages(table []route) map[string]string {
	pages := map[string]bool{}
	for _, r := range table {
		pages[r.path] = pages[r.path] || r.method == get
	}
	found := map[string]string{}
	for _, r := range table {
		if r.method == post && r.guard != uploading {
			found[r.path] = formPage(pages, r.path)
		}
	}
	return found
}

// stands are the forms that stand on another page than their address says.
func stands() map[string]string {
	return map[string]string{
		"/switch":                        "/workplaces",
		"/org/uploads":                   "/org/images/new",
		"/org/leave":                     "/org/members",
		"/org/announcements/:id/dismiss": "/org",
	}
}

func formPage(pages map[string]bool, path string) string {
	if at := stands()[path]; at != "" {
		return at
	}
	for _, at := range []string{path + "/new", path + "/edit"} {
		if pages[at] {
			return at
		}
	}
	for ; path != ""; path = path[:strings.LastIndex(path, "/")] {
		if pages[path] {
			return path
		}
	}
	return "/"
}

// openFormAddresses has a GET of an address that only a form is sent to lead to the page that the form stands on, for who may open
// that address; the page decides again. They are no rows of the table: what they lead to is.
func openFormAddresses(router *echo.Router, table []route, frame page.Frame) {
	pages := map[string]bool{}
	for _, r := range table {
		pages[r.path] = pages[r.path] || r.method == get
	}
	for _, r := range table {
		if frame.FormPages[r.path] == "" || pages[r.path] {
			continue
		}
		lead := func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, frame.FormPage(c)) }
		router.Add(get, r.path, middleware.Require(r.may, true)(lead))
	}
}
