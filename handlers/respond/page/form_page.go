package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// FormPage is the address of the page that a form stands on whose own address the request asks for. It keeps the filters, or the
// token, that the form's page was opened with.
func (f Frame) FormPage(c echo.Context) string {
	parts := strings.Split(f.FormPages[c.Path()], "/")
	for i, part := range parts {
		if name, is := strings.CutPrefix(part, ":"); is {
			parts[i] = url.PathEscape(c.Param(name))
		}
	}
	path := strings.Join(parts, "/")
	if path == "" {
		return "/"
	}
	if from, err := url.Parse(c.Request().Referer()); err == nil && from.EscapedPath() == path {
		return from.RequestURI()
	}
	return path
}

// reads tells that a request changes nothing: its page answers no form.
func reads(c echo.Context) bool {
	return c.Request().Method == http.MethodGet || c.Request().Method == http.MethodHead
}
