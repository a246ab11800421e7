package image

import (
	"math"
	"testing"
	"time"
)

// Whoever waits for a verification waits longer than its children may take, whatever the largest disk is.
func TestLongestIsLongerThanTheChildren(t *testing.T) {
	for _, most := range []int64{minDisk, 1 << 30, 1 << 40, 1 << 42} {
		l := Limits{MaxFile: 64 << 30, MaxVirtual: most}
		work, err := (&verification{limits: l}).decompress("gzip", "file")
		if err != nil {
			t.Fatal(err)
		}
		d := &disk{}
		d.image.VirtualSize = most
		reads := confined{CPUSeconds: d.cpuSeconds()}.wall()
		children := work.wall() + 2*reads + confined{CPUSeconds: compressing * d.cpuSeconds()}.wall()
		if got := l.Longest(); got <= ovaSystems*children || reads <= time.Duration(d.cpuSeconds())*time.Second {
			t.Errorf("%d bytes: %s, and the children of one disk may take %s", most, got, children)
		}
	}
	if got := (Limits{MaxVirtual: 1 << 55}).Longest(); got != math.MaxInt64 {
		t.Errorf("a disk beyond all measure: %s", got)
	}
}
