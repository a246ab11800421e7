package placement

import (
	"slices"

	"github.com/google/uuid"
)

// Elsewhere finds a host for each of some nodes of a cluster, in their order, or nil where there is not room for all.
// carried counts what each host has of the cluster already: nodes go to the one with the fewest, then the emptiest. The
// largest are placed first, so that small ones do not take their room.
func Elsewhere(hosts []Host, carried map[uuid.UUID]int, nodes []Node) []uuid.UUID {
	hosts = slices.Clone(hosts)
	count := make([]int, len(hosts))
	for i, h := range hosts {
		count[i] = carried[h.ID]
	}
	order := make([]int, len(nodes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return byVCPUs(nodes[b].Size, nodes[a].Size)
	})
	to := make([]uuid.UUID, len(nodes))
	for _, n := range order {
		best := -1
		for i := range hosts {
			if hosts[i].holds(nodes[n]) && (best < 0 || better(hosts, count, i, best)) {
				best = i
			}
		}
		if best < 0 {
			return nil
		}
		hosts[best].take(nodes[n], 1)
		count[best]++
		to[n] = hosts[best].ID
	}
	return to
}
