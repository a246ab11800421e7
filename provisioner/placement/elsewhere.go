package placement

import "github.com/google/uuid"

// Elsewhere finds a host for each of some nodes of a cluster, in their order, or nil where there is not room for all.
// carried counts what each host has of the cluster already. The best hosts are taken as by Place, and the
// largest nodes are placed first, so that small ones do not take their room.
func Elsewhere(hosts []Host, carried map[uuid.UUID]int, nodes []Node) []uuid.UUID {
	var demands []demand
	var of []int // the demand of each node
	for _, n := range nodes {
		at := -1
		for d := range demands {
			if demands[d].Node == n {
				at = d
			}
		}
		if at < 0 {
			at, demands = len(demands), append(demands, demand{Node: n})
		}
		demands[at].count++
		of = append(of, at)
	}
	p := newProblem(hosts, demands)
	for i, h := range p.hosts {
		p.bins[i].carried = weightOfNode * carried[h.ID]
	}
	on, ok := p.place(false)
	if !ok {
		return nil
	}
	to := make([]uuid.UUID, len(nodes))
	for n, d := range of {
		to[n], on[d] = p.hosts[on[d][0]].ID, on[d][1:]
	}
	return to
}
