// Package handlers is the portal as one http.Handler: routes.go is its table of contents, one row per route with the
// permission it asks for. The audiences below it (public, org, provider) answer; middleware guards; request and
// respond read and write.
//
// # Decided
//
// 2026-11-29: who authorises once and runs long looks again. Uploads, and exports (logs, usage, invoices) end within five seconds of
// the session, the role or the workplace's end (middleware.Rights, over live.Changes.Watch); event streams and consoles do it
// themselves. An export that ends early, for whatever error, breaks its connection: its reader must not take the part for the
// whole. Each form of an organization or a provider that is suspended is refused, or listed with why it works
// (suspended_posts_test.go); the worker passes over the check of a suspended provider's host.
//
// 2026-11-29: a log is read by who decides what it is about. So a provider's operators read who cordoned a host and who ended a
// cluster, and not who set a price, granted hours or changed a role; admins and auditors read all. The line is drawn by the
// subject of an entry (store.LogOwner), for the page and for what is downloaded alike.
//
// Start at routes.go.
package handlers
