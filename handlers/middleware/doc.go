// Package middleware is what every request passes before its handler, in this order (handlers/routes.go puts it
// together):
//
//	RequestID → Log → Recover → Headers → CrossOrigin → Limits → Session → Require(permission) → handler
//
// Log translates nothing and decides nothing: it hands an error to the one error handler (respond/page) and writes
// one line. Require asks the policy table in policy.go, the only place where a role is compared with anything.
//
// It asks store for the session, and knows nothing of the pages.
package middleware
