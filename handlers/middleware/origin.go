package middleware

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
	"volary.dev/provisioner/refusal"
)

// CrossOrigin refuses changing requests that another site's page sent, by net/http's CrossOriginProtection
// (Sec-Fetch-Site, else Origin against Host). publicURL is trusted too, for proxies that rewrite Host.
func CrossOrigin(publicURL string) (echo.MiddlewareFunc, error) {
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(publicURL); err != nil {
		return nil, fmt.Errorf("VOLARY_PUBLIC_URL %q as an origin: %w", publicURL, err)
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return &refusal.Error{
					Code: "cross_origin", Title: "The request came from another site's page.",
					Next: "Open Volary itself and send the form from there.",
				}
			}
			return next(c)
		}
	}, nil
}
