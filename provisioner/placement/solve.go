package placement

import (
	"cmp"
	"slices"
)

// What the exact search is for: as many hosts that have room for anything, and as many steps.
const (
	searchedHosts = 12
	searchedSteps = 1 << 14
)

// packing is how many nodes of each kind each bin takes.
type packing [][]int

func (p *problem) newPacking() packing {
	all := make(packing, len(p.kinds))
	for k := range all {
		all[k] = make([]int, len(p.bins))
	}
	return all
}

// solve finds room for so many nodes of each kind. With one kind, and with one node beside a kind, it misses no plan. Several kinds are a
// packing of unlike things: it fills hosts in a few orders, and then searches, which misses none where hosts and nodes are few.
func (p *problem) solve(counts []int) (packing, bool) {
	if !p.mayFit(counts) {
		return nil, false
	}
	var kinds []int
	for k, n := range counts {
		if n > 0 {
			kinds = append(kinds, k)
		}
	}
	switch {
	case len(kinds) == 1:
		return p.fill(slices.Clone(p.bins), kinds, counts, nil)
	case len(kinds) == 2 && counts[kinds[0]] == 1:
		return p.beside(kinds[0], kinds[1], counts)
	case len(kinds) == 2 && counts[kinds[1]] == 1:
		return p.beside(kinds[1], kinds[0], counts)
	}
	for _, size := range kindSizes() {
		p.largestFirst(kinds, size)
		for _, order := range []binOrder{fullest, emptiest} {
			if packed, ok := p.fill(slices.Clone(p.bins), kinds, counts, order); ok {
				return packed, true
			}
		}
	}
	return p.search(kinds, counts)
}

// beside tries every bin for a single node that has other nodes beside it.
func (p *problem) beside(one, many int, counts []int) (packing, bool) {
	total := 0
	rooms := make([]int, len(p.bins))
	for i := range p.bins {
		p.looked++
		rooms[i] = p.bins[i].room(&p.kinds[many], counts[many])
		total += rooms[i]
	}
	for i, b := range p.bins {
		p.looked++
		if !b.holds(&p.kinds[one]) {
			continue
		}
		b.take(&p.kinds[one], 1)
		if total-rooms[i]+b.room(&p.kinds[many], counts[many]) < counts[many] {
			continue
		}
		left := slices.Clone(p.bins)
		left[i] = b
		packed, ok := p.fill(left, []int{many}, counts, nil)
		if ok {
			packed[one][i] = 1
		}
		return packed, ok
	}
	return nil, false
}

// binOrder compares two bins by how many nodes of a kind they have room for; nil takes them as they come.
type binOrder func(a, b int) int

func fullest(a, b int) int  { return cmp.Compare(a, b) }
func emptiest(a, b int) int { return cmp.Compare(b, a) }

// fill takes kind after kind, and for each the bins in an order.
func (p *problem) fill(left []bin, kinds, counts []int, order binOrder) (packing, bool) {
	packed := p.newPacking()
	rooms, at := make([]int, len(left)), make([]int, len(left))
	for _, k := range kinds {
		need := counts[k]
		for i := range left {
			p.looked++
			rooms[i], at[i] = left[i].room(&p.kinds[k], need), i
		}
		if order != nil {
			slices.SortStableFunc(at, func(a, b int) int { return order(rooms[a], rooms[b]) })
		}
		for _, i := range at {
			n := min(rooms[i], need)
			left[i].take(&p.kinds[k], n)
			packed[k][i], need = n, need-n
		}
		if need > 0 {
			return nil, false
		}
	}
	return packed, true
}

// kindSize is how large a kind is, in one respect.
type kindSize func(kind) float64

func kindSizes() []kindSize {
	return []kindSize{
		func(k kind) float64 { return float64(k.vcpus) },
		func(k kind) float64 { return float64(k.mib) },
		func(k kind) float64 { return float64(k.disk + k.image) },
	}
}

// largestFirst orders kinds: those that not every host may take first, then by size.
func (p *problem) largestFirst(kinds []int, size kindSize) {
	slices.SortStableFunc(kinds, func(i, j int) int {
		a, b := p.kinds[i], p.kinds[j]
		return cmp.Or(cmp.Compare(b.strict(), a.strict()), cmp.Compare(size(b), size(a)), cmp.Compare(b.vcpus, a.vcpus),
			cmp.Compare(b.mib, a.mib), cmp.Compare(b.disk, a.disk), cmp.Compare(i, j))
	})
}

// strict counts what a host needs beside room.
func (k kind) strict() int {
	n := 0
	if k.uefi {
		n++
	}
	if k.apart != 0 {
		n++
	}
	return n
}

// search tries every plan of few hosts, as far as its steps go.
type search struct {
	*problem
	kinds, counts []int
	at            []int // the bins that have room for anything
	left          []bin
	packed        packing
	steps         int
}

func (p *problem) search(kinds, counts []int) (packing, bool) {
	s := search{problem: p, kinds: kinds, counts: counts, left: slices.Clone(p.bins), packed: p.newPacking(), steps: searchedSteps}
	for i := range p.bins {
		if slices.ContainsFunc(kinds, func(k int) bool { return p.bins[i].holds(&p.kinds[k]) }) {
			s.at = append(s.at, i)
		}
	}
	if len(s.at) > searchedHosts || !s.place(0, 0, counts[kinds[0]]) {
		return nil, false
	}
	return s.packed, true
}

// place finds room for need nodes of the n-th kind on the hosts from the one given, and for all kinds after it.
func (s *search) place(n, host, need int) bool {
	if need == 0 {
		if n++; n == len(s.kinds) {
			return true
		}
		return s.place(n, 0, s.counts[s.kinds[n]])
	}
	k := s.kinds[n]
	if s.steps--; s.steps < 0 || s.roomFrom(host, k, need) < need {
		return false
	}
	i := s.at[host]
	was := s.left[i]
	for here := was.room(&s.problem.kinds[k], need); here >= 0; here-- {
		s.left[i] = was
		s.left[i].take(&s.problem.kinds[k], here)
		s.packed[k][i] = here
		if s.place(n, host+1, need-here) {
			return true
		}
	}
	s.left[i], s.packed[k][i] = was, 0
	return false
}

// roomFrom is what the hosts from the one given have room for, as far as it is needed.
func (s *search) roomFrom(host, k, need int) int {
	sum := 0
	for _, i := range s.at[host:] {
		if s.looked++; sum >= need {
			break
		}
		sum += s.left[i].room(&s.problem.kinds[k], need-sum)
	}
	return sum
}
