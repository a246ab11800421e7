package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner/waittest"
)

// TestTheSlowestWaitsArePrinted has waits written down as tests do, and reads them.
func TestTheSlowestWaitsArePrinted(t *testing.T) {
	if waitsVariable != waittest.Variable {
		t.Errorf("%s is set and %s is read", waitsVariable, waittest.Variable)
	}
	c := checkout{state: t.TempDir()}
	w, err := c.newWaits()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(waittest.Variable, w.Name())
	calls := 0
	waittest.Until(t, "forty looks", func() bool { calls++; return calls > 40 }) // 1 ms between two at the least
	var all []wait
	for n := range 12 {
		all = append(all, wait{Package: "store", Test: "TestX", What: strings.Repeat("x", n), Seconds: float64(n * 25), Limit: 300})
	}
	var out bytes.Buffer
	printWaits(&out, all)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1+slowest || lines[0] != "The slowest of 12 waits, in seconds and as a share of the limit:" ||
		lines[1] != "   275.0  92 %  store TestX: xxxxxxxxxxx" || strings.TrimSpace(lines[10]) != "50.0  17 %  store TestX: xx" {
		t.Errorf("printed:\n%s", out.String())
	}
	out.Reset()
	if err := w.print(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "cmd/dev TestTheSlowestWaitsArePrinted: forty looks\n") {
		t.Errorf("printed:\n%s", out.String())
	}
	if _, err := os.Stat(filepath.Join(c.state, "waits.jsonl")); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(c.state, "waits-*")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
