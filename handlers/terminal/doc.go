// Package terminal joins browsers with nodes' serial lines: the one way from web to the worker that serves consoles,
// and the WebSocket between the two. Who may open which line is decided by the ticket's issuer, and how long by the worker.
package terminal
