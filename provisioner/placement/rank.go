package placement

import (
	"container/heap"
	"slices"
)

// rank is how good a host is for one more node, the less the better, by what comes first:
//
//	to spread:  by KVM · few nodes of the cluster · empty, in eighths · has the image · CPU and memory in balance · empty
//	to pack:    by KVM · carries nodes already · has the image · full, in eighths · CPU and memory in balance · full
//
// Full is the fuller one of CPU and memory with the node on it; they are in balance where both are as full.
type rank [6]int

func (b *bin) rank(k *kind) rank {
	cpu, memory := permille(b.ofVCPUs-b.vcpus+k.vcpus, b.ofVCPUs), permille(b.ofMiB-b.mib+k.mib, b.ofMiB)
	full, skew := max(cpu, memory), max(cpu-memory, memory-cpu)
	if b.pack {
		return rank{number(b.slow), number(!b.busy), number(b.brings(k) > 0), -full / 125, skew, -full}
	}
	return rank{number(b.slow), b.carried, full / 125, number(b.brings(k) > 0), skew, full}
}

func permille(n, of int) int { return n * 1000 / max(of, 1) }

func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// ranking is a heap of the bins that hold a kind, the best one on top.
type ranking struct {
	bins  []bin
	kind  *kind
	at    []int
	ranks []rank // by bin
}

func (r *ranking) Len() int { return len(r.at) }
func (r *ranking) Less(i, j int) bool {
	c := slices.Compare(r.ranks[r.at[i]][:], r.ranks[r.at[j]][:])
	return c < 0 || c == 0 && r.at[i] < r.at[j] // by name at the last: one answer for the same hosts
}
func (r *ranking) Swap(i, j int) { r.at[i], r.at[j] = r.at[j], r.at[i] }
func (r *ranking) Push(any)      {}
func (r *ranking) Pop() any {
	last := r.at[len(r.at)-1]
	r.at = r.at[:len(r.at)-1]
	return last
}

// ranked looks at every bin once.
func (p *problem) ranked(left []bin, k *kind) *ranking {
	r := &ranking{bins: left, kind: k, ranks: make([]rank, len(left))}
	for i := range left {
		p.looked++
		if left[i].holds(k) {
			r.at, r.ranks[i] = append(r.at, i), left[i].rank(k)
		}
	}
	heap.Init(r)
	return r
}

// take gives the best bin a node.
func (r *ranking) take(p *problem) (int, bool) {
	if len(r.at) == 0 {
		return 0, false
	}
	i := r.at[0]
	p.looked++
	r.bins[i].take(r.kind, 1)
	r.bins[i].carried += weightOfNode
	if r.bins[i].holds(r.kind) {
		r.ranks[i] = r.bins[i].rank(r.kind)
		heap.Fix(r, 0)
	} else {
		heap.Pop(r)
	}
	return i, true
}

// Weights of a node in what a host carries of a cluster. The head has less than another: ties break away from it.
const (
	weightOfHead = 1
	weightOfNode = 2
)

// best gives each demand the best hosts: the bins of its nodes, by demand. Of one kind beside the first node it misses no plan, of several
// it may.
func (p *problem) best(head bool) ([][]int, bool) {
	left, on := slices.Clone(p.bins), make([][]int, len(p.demands))
	if head {
		i, ok := p.bestHead()
		if !ok {
			return nil, false
		}
		left[i].take(&p.kinds[p.of[0]], 1)
		left[i].carried += weightOfHead
		on[0] = []int{i}
	}
	for _, d := range p.demandsLargestFirst() {
		if head && d == 0 {
			continue
		}
		r := p.ranked(left, &p.kinds[p.of[d]])
		for range p.demands[d].count {
			i, ok := r.take(p)
			if !ok {
				return nil, false
			}
			on[d] = append(on[d], i)
		}
	}
	return on, true
}

// bestHead is the best bin for the first demand's one node that leaves room for every other kind by itself.
func (p *problem) bestHead() (int, bool) {
	counts := p.counts()
	counts[p.of[0]]--
	total := make([]int, len(p.kinds))
	for i := range p.bins {
		p.looked++
		for k := range p.kinds {
			total[k] += p.bins[i].room(&p.kinds[k], counts[k])
		}
	}
	r := p.ranked(slices.Clone(p.bins), &p.kinds[p.of[0]])
	for len(r.at) > 0 {
		i := heap.Pop(r).(int)
		p.looked++
		b := p.bins[i]
		b.take(&p.kinds[p.of[0]], 1)
		enough := true
		for k := range p.kinds {
			kind := &p.kinds[k]
			enough = enough && total[k]-p.bins[i].room(kind, counts[k])+b.room(kind, counts[k]) >= counts[k]
		}
		if enough {
			return i, true
		}
	}
	return 0, false
}

// demandsLargestFirst are the indexes of demands, in the order of their kinds.
func (p *problem) demandsLargestFirst() []int {
	kinds := make([]int, len(p.kinds))
	for k := range kinds {
		kinds[k] = k
	}
	p.largestFirst(kinds, kindSizes()[0])
	var order []int
	for _, k := range kinds {
		for d, of := range p.of {
			if of == k {
				order = append(order, d)
			}
		}
	}
	return order
}

// packed gives each demand its part of what a packing has of its kind: the bins of its nodes, by demand.
func (p *problem) packed(all packing) [][]int {
	on := make([][]int, len(p.demands))
	next := make([]int, len(p.kinds)) // the bin of each kind that has nodes left to give
	for d := range p.demands {
		k := p.of[d]
		for len(on[d]) < p.demands[d].count {
			if all[k][next[k]] == 0 {
				next[k]++
				continue
			}
			all[k][next[k]]--
			on[d] = append(on[d], next[k])
		}
	}
	return on
}

// place gives each demand the bins of its nodes, the best ones where they do; head: the first demand is a head.
func (p *problem) place(head bool) ([][]int, bool) {
	all, ok := p.solve(p.counts())
	if !ok {
		return nil, false
	}
	if on, ok := p.best(head); ok {
		return on, true
	}
	return p.packed(all), true
}
