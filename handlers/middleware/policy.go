package middleware

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

// Require lets a request pass whose session has the permission (request.May), or may read what it guards (request.MayRead)
// where that is all that the route does.
func Require(p request.Permission, reads bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			may := request.May
			if reads {
				may = request.MayRead
			}
			if s := request.Session(c); !may(s, p) {
				return request.Refuse(s, p)
			}
			return next(c)
		}
	}
}
