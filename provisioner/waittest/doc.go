// Package waittest is how every test waits for what comes by itself: rows, guests, pages, frames, the ends of processes.
//
// There is one limit for all of them, and it is a hang's bound, never a measure: a machine that is busy answers late, and late
// is no fault. What has to be quick is said by a test of its own, by what it counts (rounds, attempts, bytes) and not by a clock.
// Until polls; Receive takes from a channel; Context is for calls that wait themselves; Measure is for the rest, whose limit is
// a connection's deadline. Each of them that took noticeably long is written down where `dev test` asks for it, which prints
// the slowest of a run.
//
// 2026-11-29: before, each package had a bound of its own, from 5 s to 4 min, and those of a few seconds were missed beside
// two busy loops. The linter refuses time.After and context.WithTimeout in tests: where the time itself is what a test is
// about, the line says so.
package waittest
