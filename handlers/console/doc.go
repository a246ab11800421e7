// Package console is the worker's own small server: it joins a WebSocket with a node's console, and gives the
// kept log of what the node wrote. Only web reaches it, and shows that it is web (package handshake). Each request shows a one-time
// ticket, the node and the session that it was issued for. While a console is open the worker looks itself whether that
// session, the role and the organization's consent still give the right to see it: at once where the database tells that
// one of them ended, and every five seconds. Web need not be asked, nor be honest.
//
//	GET /healthz                               the process serves, whatever its database does
//	GET /readyz                                its database answers, too
//	GET /console?ticket=&node=&session=        WebSocket; binary messages both ways
//	GET /console/log?ticket=&node=&session=    the end of the log, as bytes; they are the guest's and hostile
//
// 2026-11-29: a right is looked at by the worker, in one query over the rows that give it, and not by web at its heartbeat: it
// ended 60 to 76 seconds late. The triggers that announce ended rights (volary_rights) name the person and nothing else; event
// streams hear of them too. A database that does not answer ends a console after 30 s, not at once.
package console
