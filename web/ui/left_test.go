package ui

import (
	"testing"
	"time"
)

func TestLeft(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "over", 0: "over", 999 * time.Millisecond: "over", time.Second: "1 s", 59*time.Second + 999*time.Millisecond: "59 s", time.Minute: "1 min 0 s",
		59*time.Minute + 59*time.Second: "59 min 59 s", time.Hour: "1 h 0 min", 23*time.Hour + 59*time.Minute + 59*time.Second: "23 h 59 min",
		24 * time.Hour: "1 d 0 h", 52*time.Hour + 30*time.Minute: "2 d 4 h",
	} {
		if got := Left(d); got != want {
			t.Errorf("%s left is %q, want %q", d, got, want)
		}
	}
}

// A lease is warned of when the mails come, and one that is too short for a notice is not.
func TestLeaseIsWarnedOf(t *testing.T) {
	now := time.Date(2026, 11, 22, 15, 20, 31, 0, time.UTC)
	for _, c := range []struct {
		lease, left time.Duration
		want        Tone
	}{
		{time.Hour, 11 * time.Minute, ""},
		{time.Hour, 10 * time.Minute, ToneWarn},
		{time.Hour, 2 * time.Minute, ToneBad},
		{time.Hour, 0, ""},
		{3 * time.Hour, 61 * time.Minute, ""},
		{3 * time.Hour, time.Hour, ToneWarn},
		{3 * time.Hour, 10 * time.Minute, ToneBad},
		{72 * time.Hour, 25 * time.Hour, ""},
		{72 * time.Hour, 24 * time.Hour, ToneWarn},
		{72 * time.Hour, time.Hour, ToneBad},
		{25 * time.Hour, 23 * time.Hour, ToneWarn},
		{24 * time.Hour, 23 * time.Hour, ""},
		{90 * time.Minute, 50 * time.Minute, ToneWarn},
		{20 * time.Minute, 10 * time.Minute, ToneWarn},
		{10 * time.Minute, time.Minute, ""},
	} {
		if got := (LeftProps{Until: now.Add(c.left), Now: now, Lease: c.lease}).Tone(); got != c.want {
			t.Errorf("%s left of %s: %q, want %q", c.left, c.lease, got, c.want)
		}
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0.0 s", 0: "0.0 s", 400 * time.Millisecond: "0.4 s", 83400 * time.Millisecond: "83.4 s", 599 * time.Second: "599.0 s", 10 * time.Minute: "10 min",
	} {
		if got := Took(d); got != want {
			t.Errorf("%s took %q, want %q", d, got, want)
		}
	}
}
