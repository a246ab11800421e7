package placement

import (
	"cmp"
	"slices"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// Elsewhere finds a host for each of some nodes of a cluster, in their order, or nil where there is not room for all.
// carried counts what each host has of the cluster already: nodes go to the one with the fewest, then the emptiest. The
// largest are placed first, so that small ones do not take their room.
func Elsewhere(hosts []Host, carried map[uuid.UUID]int, sizes []provisioner.Shape) []uuid.UUID {
	hosts = slices.Clone(hosts)
	count := make([]int, len(hosts))
	for i, h := range hosts {
		count[i] = carried[h.ID]
	}
	order := make([]int, len(sizes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(sizes[b].VCPUs, sizes[a].VCPUs), cmp.Compare(sizes[b].MemoryMiB, sizes[a].MemoryMiB), cmp.Compare(sizes[b].DiskGiB, sizes[a].DiskGiB))
	})
	to := make([]uuid.UUID, len(sizes))
	for _, n := range order {
		best := -1
		for i := range hosts {
			if hosts[i].holds(sizes[n]) && (best < 0 || better(hosts, count, i, best)) {
				best = i
			}
		}
		if best < 0 {
			return nil
		}
		hosts[best].take(sizes[n])
		count[best]++
		to[n] = hosts[best].ID
	}
	return to
}
