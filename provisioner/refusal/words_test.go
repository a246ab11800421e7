package refusal_test

import (
	"testing"
	"time"

	"volary.dev/provisioner/refusal"
)

func TestPlural(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 nodes", 1: "1 node", 2: "2 nodes", 999: "999 nodes", 1000: "1\u202f000 nodes", 1_234_567: "1\u202f234\u202f567 nodes", -1: "−1 nodes", -1000: "−1\u202f000 nodes",
	} {
		if got := refusal.Plural(n, "node", "nodes"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestLasting(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 seconds", time.Second: "1 second", 90 * time.Second: "90 seconds", time.Minute: "1 minute", 90 * time.Minute: "90 minutes", time.Hour: "1 hour", 12 * time.Hour: "12 hours", 2500 * time.Millisecond: "2 seconds",
	} {
		if got := refusal.Lasting(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
