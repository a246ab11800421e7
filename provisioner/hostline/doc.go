// Package hostline keeps what speaks with a host in a process of its own, one for each host. Line is a provisioner.Driver
// that holds no connection: it starts a child, hands it each call and gives back its answer. Whatever the C library in
// there does, a crash included, nothing but that host's own calls is lost.
//
//	worker ── control socket (datagrams) ── child: the host's driver
//	   │  each datagram carries one end of a new pair of sockets,
//	   └─ and that pair is one call: request, its bytes both ways, result
//
// # One call, one pair of sockets
//
// A call has nothing in common with another: an upload or a viewer who does not read holds nobody up, and to close the pair
// is to give the call up. A frame is a kind, a length and that many bytes; what has a shape is JSON (wire.go), the methods
// are one table (methods.go).
//
// # How it ends
//
// The child ends when its control socket closes, and by SIGKILL with the program that started it. Where it ends by itself,
// its calls fail with provisioner.ErrHostUnreachable and the next one starts a new child: at once the first time, then after
// a growing while, at most half a minute. A call into C cannot be cancelled, but its process can be killed: a child in which
// a call outlives its caller for two minutes while nothing is answered, or for half an hour whatever else is, is killed.
//
// # What it gets
//
// The host's address and the settings of its driver by the first datagram, and of the environment only what names programs,
// folders and languages: no database, no mail, no other host.
//
// 2026-11-29: libvirt's client (9.0.0, CVE-2024-4418 and its kin) leaves a pointer to a dead stack behind where a call waits
// while another thread or the keepalive writes to the same connection; the next call then dies of SIGSEGV. One call at a time on a connection
// makes it rare, a process for each host makes it harmless. Both are done.
package hostline
