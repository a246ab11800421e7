// Package store is all of Volary's SQL: one file per aggregate (clusters.go reads clusters), one file per command
// that is one transaction (launch_cluster.go). Nothing else opens a transaction, and no transaction spans a call
// to a host.
//
// # Scope
//
// A function for an organization takes its id right after ctx and has it in its WHERE clause; one for a provider's
// staff does the same with the provider's. What is not there and what belongs to someone else are the same
// provisioner.NotFound. A command takes the person who asked (uuid.Nil: the operator's command) and writes its
// audit row and its job in its own transaction. Functions for the worker are not scoped; only the worker calls them.
//
// # Locks
//
// Every transaction that takes more than one lock takes them in this order, so that none waits for another in a
// ring: provider (shared, for how it stands), pool, clusters by id, host, wallet, lots by id, chain head. Time that decides about money or claims is the
// database's.
//
// # Decided
//
// 2026-11-22: what stands around every page is one round trip (frame.go), and so is a list that its page holds whole: its
// totals are those of its rows, and are counted apart only for longer ones. The list of clusters answered a third as many
// requests a second as a bare handler before, and more than half as many after (`go run ./cmd/dev bench page`).
//
// Start at db.go, then launch_cluster.go. It imports billing, provisioner, placement and queue.
package store
