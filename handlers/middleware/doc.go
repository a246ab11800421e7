// Package middleware is what every request passes before its handler, in this order (handlers/routes.go puts it
// together):
//
//	RequestID → Log → Recover → Headers → CrossOrigin → Session → Limits, Throttle → Require(permission) → Queue, Lasting, PasswordAgain → handler
//
// Log translates nothing and decides nothing: it hands an error to the one error handler (respond/page) and writes
// one line. Require asks the policy table in policy.go, the only place where a role is compared with anything.
//
// 2026-11-29: no request is without a deadline. The server sets both for all of them, 404s and refusals too; a route that
// lasts lifts them itself, behind its permission, and bounds each piece that it reads or writes. What is costly waits in
// a queue of its own: a request that waits holds no connection to the database.
//
// 2026-11-29: what gives lasting power (a key, a role, an invitation, a host, a price, the end of disks) asks for a password
// that was given more than ten minutes ago once more. The route says so (lasting), so that no handler can forget it, and a
// test wants every form to say whether it does. The question is a page that posts the form again with the password: it needs no JavaScript, no state
// of ours, and what the handler sees is the form alone.
//
// It asks store for the session, and knows nothing of the pages.
package middleware
