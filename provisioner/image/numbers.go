package image

import "math"

// A file's header numbers with 64 bits and no sign, the system with a sign. Between the two nothing wraps around: what does
// not fit becomes the nearest that does.

// whole is n without its sign; 0 where it has one.
func whole(n int64) uint64 {
	return uint64(max(n, 0)) //nolint:gosec // not below 0
}

// signed is n, or the largest number with a sign.
func signed(n uint64) int64 {
	return int64(min(n, math.MaxInt64)) //nolint:gosec // not above the largest
}
