package store_test

import (
	"testing"
	"time"
)

func TestFromHoldToTheLastSecond(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(10_000_000, nil)
	id, nodes := w.running(2, 1000, at(0).Add(700*time.Millisecond))
	w.balance(2000, 0, 8000)
	w.proveUntil(0, 60, nodes...)
	w.balance(1880, 120, 8000)
	w.prove(at(65), nodes[0])
	w.must(w.db.EndRuns(t.Context(), id, nil, "asked"))
	w.must(w.db.ReleaseHold(t.Context(), id, at(70)))
	w.balance(0, 125, 9875)
	w.must(w.db.ReleaseHold(t.Context(), id, at(71)))
	w.balance(0, 125, 9875)
}
