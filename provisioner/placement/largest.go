package placement

import "sort"

// Largest is the largest cluster that would fit now: how many nodes of each group of the request, from its Least to its Count, the first groups
// first. false: not even the least of each fits beside the head. What it names fits; with several groups there may be a larger one.
func Largest(hosts []Host, r Request, s Share) (counts []int, ok bool) {
	hosts = byName(hosts)
	counts = make([]int, len(r.Groups))
	for i, g := range r.Groups {
		counts[i] = min(g.Least, g.Count)
	}
	if !Fits(hosts, r.with(counts), s) {
		return nil, false
	}
	for i, g := range r.Groups {
		least := counts[i]
		more := sort.Search(g.Count-least, func(n int) bool {
			counts[i] = least + n + 1
			return !Fits(hosts, r.with(counts), s)
		})
		counts[i] = least + more
	}
	return counts, true
}

// with is the request with so many nodes of each group.
func (r Request) with(counts []int) Request {
	groups := make([]Group, len(r.Groups))
	for i, g := range r.Groups {
		g.Count = counts[i]
		groups[i] = g
	}
	r.Groups = groups
	return r
}

// Words names what a request asks for: "the head and 3 compute nodes", "the head alone".
func (r Request) Words(counts []int) string {
	groups := r.with(counts).asked()
	if len(groups) == 0 {
		return "the head alone"
	}
	return "the head and " + beside(groups)
}
