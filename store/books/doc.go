// Package books is the floor of money and hours: offers and prices, orders, invoices, wallets and their lots, the
// ledger, and the runs whose use it books.
//
// What machines ask of it inside their own transactions is machines.Books: Available, Hold, Release, BeginRuns, EndRuns
// and ProveLife. Every amount is computed in billing.
//
// # The order of locks
//
// A transaction locks rows from left to right and leaves out what it does not need, so that no two wait for each other:
//
//	pool ─▶ cluster ─▶ order ─▶ wallet ─▶ lots, by id ─▶ number of the provider's papers ─▶ head of the journal ─▶ month ─▶ hour_marks
//
// Whoever books has the wallet: it stands for its lots, its holds and how far its runs are booked. One journal per
// transaction. A provider's papers are numbered over all its journals, so that their number comes late; a paper takes its
// time behind the number, and an entry its time behind the head, each after the one before it whatever the clock says. A
// proof of life locks runs and none of these. lock_order_test.go holds it. What is left to pay of invoices and a journal's credit
// (invoice_balances, wallet_money) are the wallet's rows: who changes them has it.
//
// # Decided
//
// 2026-11-29: what was ready and not billed is no table of its own: it follows from the runs (unbilled.go), whose ends are the
// last proofs of life. A silent host's time is added when its machines are seen again, since nobody knows before that whether
// they ran; a machine that was started anew is not counted after that was seen, for nobody vouches for it.
//
// 2026-11-30: rules that this package kept by its procedure are the database's (migration 65): how far a run is booked moves
// with its lines and in no other way, an end is proven, times and serials rise. What had been booked by then stays as it
// was: entries whose times do not rise are counted in journal_heads.unordered, and runs that began uncounted have no proofs.
//
// 2026-11-30: tests set the clock by a schema that stands before PostgreSQL's (storetest.OpenAt), since every statement asks
// the database for the time. A time handed through every query would have been one more argument to get wrong.
//
// 2026-11-30: money is booked where hours are, in the same entry (migration 70), one pair of postings for a use however many lines it
// has. lots.deferred is kept like the sums of hours: looking at a year of postings of a lot at each commit would cost more
// with every hour. The facts of a lot are read back from the database when it is booked, by what the proof reads them with.
//
// 2026-11-30: months are closed by locking one row (periods), which all who book in it share until they commit. It comes behind the journal's head: who
// closes a month locks nothing else, so that nobody waits in a circle, and only who books into that month waits while its files are made.
// A table lock, or one row for each provider, would have stopped every launch meanwhile.
//
// 2026-11-30: exports of a provider's usage and invoices are of a month's accounts: what came after its month was closed is in the month that took it.
// What an organization reads of its own use, and FOCUS, is still by when it ran.
//
// It imports the core, people (who is suspended sells and buys nothing) and billing. Start at hold_hours.go, then
// settle_usage.go and ledger.go; the rules of every floor are in the core's doc.go.
package books
