package middleware

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

const keyRequestID = "volary.request_id"

// RequestID gives every request an id that its log line and an error page name. One sent from outside is not
// taken over: it would let a stranger write into our logs.
func RequestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		c.Set(keyRequestID, id.String())
		c.Response().Header().Set(echo.HeaderXRequestID, id.String())
		return next(c)
	}
}

// RequestIDOf is the id of the request, empty outside RequestID.
func RequestIDOf(c echo.Context) string {
	id, _ := c.Get(keyRequestID).(string)
	return id
}
