// Package live tells open pages that something they show is different now: a hub that every change announced by the
// database passes through, and the event streams of browsers that follow it.
package live
