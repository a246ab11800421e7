package refusal_test

import (
	"testing"

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
