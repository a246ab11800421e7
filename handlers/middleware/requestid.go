package middleware

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

// RequestID gives every request an id that its log line and an error page name. One sent from outside is not
// taken over: it would let a stranger write into our logs.
func RequestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		request.SetID(c, id.String())
		c.Response().Header().Set(echo.HeaderXRequestID, id.String())
		return next(c)
	}
}
