package handlers

import (
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

// above gives the page above a form's address, that its person may read: what the form did stands there. It is that of the thing
// the form is about (POST /org/clusters/:id/extend leads to /org/clusters/:id), its list where the form ended the thing, and at last the start.
func above(table []route) func(c echo.Context) string {
	pages := map[string]request.Permission{}
	for _, r := range table {
		if r.method == get {
			pages[r.path] = r.may
		}
	}
	return func(c echo.Context) string {
		pattern, path := strings.Split(c.Path(), "/"), strings.Split(c.Request().URL.Path, "/")
		if len(pattern) != len(path) {
			return "/"
		}
		for n := aboutWhat(pattern); n > 1; n-- {
			if may, ok := pages[strings.Join(pattern[:n], "/")]; ok && request.AllowedToRead(c, may) {
				return strings.Join(path[:n], "/")
			}
		}
		return "/"
	}
}

// aboutWhat is how many parts of an address, the empty one before its first slash included, name what a form is about.
func aboutWhat(pattern []string) int {
	n := len(pattern)
	verb := pattern[n-1]
	if strings.HasPrefix(verb, ":") || !slices.ContainsFunc(pattern, func(part string) bool { return strings.HasPrefix(part, ":") }) {
		return n
	}
	if slices.Contains([]string{"delete", "remove", "discard", "revoke"}, verb) {
		return n - 2
	}
	return n - 1
}
