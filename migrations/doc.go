// Package migrations holds Volary's schema as forward-only SQL files, embedded in the binaries and applied by
// goose in the order of their numbers, after the job queue's own. grants.sql runs after them, every time: it says whole
// what the servers' roles may do. schema.sql is a dump of the result, kept true by `go run ./cmd/dev check`. It imports
// nothing of ours.
package migrations
