// Package console is the worker's own small server: it joins a WebSocket with a node's serial console, and gives the
// kept log of what the node wrote. Only web reaches it, and proves itself (package handshake). Each request shows a one-time
// ticket, the node and the session that it was issued for. While a console is open the worker looks itself whether that
// session, the role and the organization's consent still give the right to see it: at once where the database tells that
// one of them ended, and every five seconds. Web need not be asked, nor be honest.
//
//	GET /healthz                               the process serves and its database answers
//	GET /console?ticket=&node=&session=        WebSocket; binary messages both ways
//	GET /console/log?ticket=&node=&session=    the end of the log, as bytes; they are the guest's and hostile
package console
