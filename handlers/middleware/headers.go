package middleware

import (
	"strings"

	"github.com/labstack/echo/v4"
)

// policyOfContent allows what is built into the program and nothing else: no inline script or style, no other
// site, no frame around or inside a page. connect-src 'self' covers event streams, uploads and console sockets.
const policyOfContent = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Headers sets what tells a browser to be strict. Pages are never stored by caches, since they show one
// person's data; handlers of built files set their own Cache-Control. HTTPS is demanded for a year where publicURL
// is https.
func Headers(publicURL string) echo.MiddlewareFunc {
	https := strings.HasPrefix(publicURL, "https://")
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			h.Set("Content-Security-Policy", policyOfContent)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("X-Frame-Options", "DENY")
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
			h.Set("Cache-Control", "no-store")
			if https {
				h.Set("Strict-Transport-Security", "max-age=31536000")
			}
			return next(c)
		}
	}
}
