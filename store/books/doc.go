// Package books is the floor of money and hours: offers and prices, orders, invoices, wallets and their lots, the
// ledger, and the runs whose use it books.
//
// What machines ask of it inside their own transactions is machines.Books: Available, Hold, Release, BeginRuns, EndRuns
// and ProveLife. Every amount is computed in billing.
//
// It imports the core, people (who is suspended sells and buys nothing) and billing. Start at hold_hours.go, then
// settle_usage.go; the rules of every floor are in the core's doc.go.
package books
