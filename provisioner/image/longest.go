package image

import (
	"math"
	"time"
)

// Longest is a time within which every verification by these limits ends, for its children end by their own clocks (confined.wall): as many
// of the largest disks as an OVA may name, each in a wrapper, one child after the other. It is no time that anything takes, but a net for who
// waits: a clock that is shorter would end a check of which every child is within its bounds.
func (l Limits) Longest() time.Duration {
	var disk, all time.Duration
	for _, times := range []int64{1, 1, 1, compressing} { // taken out of its wrapper, structure, data, canonical form
		disk = later(disk, confined{CPUSeconds: times * cpuSecondsOf(l.MaxVirtual)}.wall())
	}
	all = confined{CPUSeconds: listSeconds}.wall()
	for range ovaSystems {
		all = later(all, disk)
	}
	return all
}

// later adds times as far as there are such times.
func later(a, b time.Duration) time.Duration {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}
