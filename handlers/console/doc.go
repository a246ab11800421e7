// Package console is the worker's own small server: it joins a WebSocket with a node's serial console, and gives the
// kept log of what the node wrote. Only web reaches it, and each request shows a one-time ticket that web had issued
// for a member it knows; the worker asks nothing else about who that is.
//
//	GET /healthz               the process serves, whatever its database does
//	GET /readyz                its database answers, too
//	GET /console?ticket=       WebSocket; binary messages both ways
//	GET /console/log?ticket=   the end of the log, as bytes; they are the guest's and hostile
package console
