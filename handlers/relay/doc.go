// Package relay joins browsers with nodes' consoles: the one way from web to the worker that serves them, and the WebSocket
// between the two. Who may open which console is decided by the ticket's issuer, and how long by the worker.
package relay
