package public

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/provisioner/manifest"
)

// ShowSchema sends the JSON Schema of cluster.yaml. Its address never changes; another format has another one.
func (h Handlers) ShowSchema(c echo.Context) error {
	// Editors that run in a browser read it from other sites.
	c.Response().Header().Set(echo.HeaderAccessControlAllowOrigin, "*")
	return c.Blob(http.StatusOK, "application/schema+json", manifest.Schema)
}
