package refusal

import (
	"strconv"
	"strings"
)

// Bytes writes a size in the largest unit that leaves it at least one: "512 B", "1.5 MiB", "3 GiB". Pages and sentences have no
// other words for sizes.
func Bytes(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n), 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	return strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0") + " " + units[unit]
}

// MiB is Bytes of a size in MiB.
func MiB(n int) string { return Bytes(int64(n) << 20) }
