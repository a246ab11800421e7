package request

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"volary.dev/provisioner/refusal"
)

// ID is the path's parameter as an id. What is no UUID does not exist, like someone else's: the answer is the same.
func ID(c echo.Context, param, what string) (uuid.UUID, error) {
	id, err := uuid.Parse(c.Param(param))
	if err != nil {
		return uuid.Nil, refusal.NotFound(what)
	}
	return id, nil
}

// IsFragment tells that htmx asks for a part of the page in place.
func IsFragment(c echo.Context) bool { return c.Request().Header.Get("HX-Request") == "true" }
