// Package live tells open pages that something they show is different now: a hub that every change announced by the
// database passes through, and the event streams of browsers that follow it.
//
// 2026-11-29: a browser has one stream, whatever its tabs show, for it opens six connections to a host and a stream per
// page left the seventh tab without any. The stream carries all that its session may follow; the tabs choose
// (static/js/stream.js). It outlives what the database does: an error at its heartbeat is no end of a session, and what is
// not heard of is said.
//
// 2026-11-29: one late answer is no failure. A look at the session that is not answered holds back what is pending, and the
// reader is told at the second in a row; a listening connection that was sound and is lost is opened again before anybody
// is told (store). That a database is away is told as soon as that attempt fails.
//
// 2026-11-29: a change carries when it was heard of (the event's id), for pages that answer a form: what a new stream repeats of the
// last ten seconds is most often the person's own act from before, and was laid over the refusal with what was typed.
package live
