package billing

import (
	"fmt"
	"math"
	"math/bits"
)

// Rate is what a running node uses, in mcs per second. It is fixed on the node when it is launched.
type Rate int64

// MaxRate is the largest rate a node may have: that of a million vCPUs.
const MaxRate Rate = 1_000_000_000

const mibPerComputeUnit = 4096

// ShapeRate is the default rate of a node shape: max(vCPUs, memory / 4 GiB) compute hours an hour, where a part
// of 4 GiB counts in thousandths, rounded up. Sizes that are not positive count as nothing.
func ShapeRate(vcpus, memoryMiB int) Rate {
	cpu := Rate(max(vcpus, 0)) * 1000
	memory := (Rate(max(memoryMiB, 0))*1000 + mibPerComputeUnit - 1) / mibPerComputeUnit
	return max(cpu, memory)
}

// Use is what seconds at this rate cost.
func (r Rate) Use(seconds int64) (Hours, error) {
	if r < 0 || seconds < 0 {
		return 0, fmt.Errorf("rate %d for %d s: %w", r, seconds, ErrHours)
	}
	hi, lo := bits.Mul64(uint64(r), uint64(seconds))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, fmt.Errorf("rate %d for %d s: %w", r, seconds, ErrOverflow)
	}
	return Hours(lo), nil
}

// Need is what has to be set aside so that nodes with these rates may all run for the whole of a lease.
func Need(rates []Rate, leaseSeconds int64) (Hours, error) {
	var sum Rate
	for _, r := range rates {
		if r <= 0 || r > MaxRate || sum > math.MaxInt64-r {
			return 0, fmt.Errorf("rate %d: %w", r, ErrHours)
		}
		sum += r
	}
	return sum.Use(leaseSeconds)
}
