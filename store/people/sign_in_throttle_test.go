package people

import (
	"testing"
	"time"
)

// Strangers are slowed down long before they are refused, and never for longer than mostWait.
func TestWaitsGrow(t *testing.T) {
	for n, want := range map[int]time.Duration{-1: 0, 0: firstWait, 1: 2 * firstWait, 4: mostWait, 5: mostWait, 1000: mostWait} {
		if got := waitAfter(n); got != want {
			t.Errorf("the wait after %d is %s, want %s", n, got, want)
		}
	}
	if s := signIns(); s.free >= s.account {
		t.Errorf("refused after %d, slowed down after %d", s.account, s.free)
	}
}
