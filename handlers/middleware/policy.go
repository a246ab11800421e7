package middleware

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

// Require lets a request pass whose session has the permission (request.May).
func Require(p request.Permission) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if s := request.Session(c); !request.May(s, p) {
				return request.Refuse(s, p)
			}
			return next(c)
		}
	}
}
