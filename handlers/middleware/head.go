package middleware

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// Head has routes for GET answer HEAD too: the server leaves the body out. find goes before routing, and back before
// everything else after it. Paths that begin with uploads have a HEAD of their own, and what streams (those that end in
// one of streams) would never end.
func Head(uploads string, streams ...string) (find, back echo.MiddlewareFunc) {
	const mark = "head"
	find = func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			own := r.Method != http.MethodHead || strings.HasPrefix(r.URL.Path, uploads)
			for _, s := range streams {
				own = own || strings.HasSuffix(r.URL.Path, s)
			}
			if !own {
				c.Set(mark, true)
				r.Method = http.MethodGet
			}
			return next(c)
		}
	}
	back = func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if c.Get(mark) != nil {
				c.Request().Method = http.MethodHead
			}
			return next(c)
		}
	}
	return find, back
}
