// Package middleware is what every request passes before its handler, in this order (handlers/routes.go puts it
// together):
//
//	RequestID → Log → Recover → Headers → CrossOrigin → Session → Limits, Throttle → Places → Require(permission) → Throttle, Kept, Arrived, Queue, Lasting, PasswordAgain → Once → handler
//
// Log translates nothing and decides nothing: it hands an error to the one error handler (respond/page) and writes
// one line. Require asks the policy table in policy.go, the only place where a role is compared with anything.
//
// 2026-11-29: no request is without a deadline. The server sets both for all of them, 404s and refusals too; a route that
// lasts lifts them itself, behind its permission, and bounds each piece that it reads or writes. What is costly waits in
// a queue of its own: a request that waits holds no connection to the database. Of each queue one sender has a share alone, and forms have
// one too, once all of a form is here, and until its answer is made: 36 requests of one stranger for the market gave everybody else "busy", and 40 launches that waited for
// one pool's lock held every connection until their time was over.
//
// 2026-11-29: what gives lasting power (a key, a role, an invitation, a host, a price, the end of disks) asks for a password
// that was given more than ten minutes ago once more. The route says so (lasting), so that no handler can forget it, and a
// test wants every form to say whether it does. The question is a page that posts the form again with the password: it needs no JavaScript, no state
// of ours, and what the handler sees is the form alone.
//
// 2026-11-29: two tabs share a session, and one may switch it: a form, and a step that asks for the next page of one, says for whom it was
// made (made_for), and Places stops it before the permission is looked at, which is another place's by now. The page that answers
// keeps the form and switches by a button of its own, so that what was meant is sent in one step and nothing is sent by itself. A form that says nothing passes: a
// script names no place, and its session is its own.
//
// 2026-11-29: a form is done once. What is remembered of it is written by the transaction of what it asked for, not before (a process that
// dies would have taken what it never did) and not after (two at once would both be done); the unique index makes the second wait. Its answer is
// noted afterwards, since only the handler knows it: where a process dies between, the form leads to the page above its address. Of two at
// once the second may be refused for what the first did before it comes to its own transaction: Once holds a form's answer back until it knows.
// The digest holds no password; one counts by a MAC under the session's token, which the database does not have.
//
// It asks store for the session, and knows nothing of the pages.
package middleware
