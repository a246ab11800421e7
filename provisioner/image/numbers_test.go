package image

import (
	"bytes"
	"math"
	"testing"
)

func TestNumbersDoNotWrapAround(t *testing.T) {
	for _, c := range []struct {
		n    int64
		want uint64
	}{{0, 0}, {7, 7}, {-1, 0}, {math.MinInt64, 0}, {math.MaxInt64, math.MaxInt64}} {
		if got := whole(c.n); got != c.want {
			t.Errorf("whole(%d) is %d, want %d", c.n, got, c.want)
		}
	}
	for _, c := range []struct {
		n    uint64
		want int64
	}{{0, 0}, {7, 7}, {math.MaxInt64, math.MaxInt64}, {math.MaxInt64 + 1, math.MaxInt64}, {math.MaxUint64, math.MaxInt64}} {
		if got := signed(c.n); got != c.want {
			t.Errorf("signed(%d) is %d, want %d", c.n, got, c.want)
		}
	}
}

// TestNoLimitIsWide: a limit below zero takes nothing. Taken for a number without a sign it would take everything, and a
// disk of 2^63 bytes and more would have a size below zero.
func TestNoLimitIsWide(t *testing.T) {
	for name, file := range map[string][]byte{
		"an honest disk": qcow2File(), "a disk of 2^63 bytes": qcow2File(put64(24, 1<<63)), "a raw disk": rawDisk(1, 2048),
	} {
		for _, limits := range []Limits{{MaxFile: 1 << 24, MaxVirtual: -1}, {MaxFile: -1, MaxVirtual: 1 << 40}} {
			i, err := Inspect(bytes.NewReader(file), int64(len(file)), limits)
			if err != nil || i.Passed() || i.VirtualSize < 0 {
				t.Errorf("%s within %+v: passed %t with %d bytes, %v", name, limits, i.Passed(), i.VirtualSize, err)
			}
		}
	}
}
