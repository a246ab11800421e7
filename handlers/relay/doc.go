// Package relay joins browsers with nodes' consoles: the one way from web to the worker that serves them, and the WebSocket
// between the two. Who may open which console is decided by the ticket's issuer, and how long by the worker.
//
// 2026-11-29: a proxy that lets no WebSocket through takes away its two headers and passes the rest on. A page cannot read what its
// failed socket was answered, and its own request looks like any other: so the process remembers for a minute whose socket came
// bare, and tells the page that asks. It is not kept in the database, where web cannot read about tickets and has no need to.
package relay
