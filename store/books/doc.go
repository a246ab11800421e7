// Package books is the floor of money and hours: offers and prices, orders, invoices, wallets and their lots, the
// ledger, and the runs whose use it books.
//
// What machines ask of it inside their own transactions is machines.Books: Available, Hold, Release, BeginRuns, EndRuns
// and ProveLife. Every amount is computed in billing.
//
// # Decided
//
// 2026-11-29: what was ready and not billed is no table of its own: it follows from the runs (unbilled.go), whose ends are the
// last proofs of life. A silent host's time is added when its machines are seen again, since nobody knows before that whether
// they ran; a machine that was started anew is not counted after that was seen, for nobody vouches for it.
//
// It imports the core, people (who is suspended sells and buys nothing) and billing. Start at hold_hours.go, then
// settle_usage.go; the rules of every floor are in the core's doc.go.
package books
