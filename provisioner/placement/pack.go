package placement

import (
	"cmp"
	"slices"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// mostHeads is how many hosts are tried for a head that shares them with several groups.
const mostHeads = 16

// packing is how many nodes of each group each host takes.
type packing struct {
	head  int
	takes [][]int // by group, then host
}

// pack fills hosts one after another, the largest group first, in several orders. With one group it misses no plan; of several it may
// miss one, for that is a puzzle whose answer may take for ever.
func pack(hosts []Host, r Request) (packing, bool) {
	heads := emptiest(hosts)
	if len(heads) > 2*mostHeads {
		heads = slices.Concat(heads[:mostHeads], heads[len(heads)-mostHeads:])
	}
	for _, order := range []bySize{byVCPUs, byMemory, byDisk} {
		groups := r.largestFirst(order)
		for _, full := range []bool{true, false} {
			for _, head := range heads {
				if p, ok := packWithHead(hosts, head, r, groups, full); ok {
					return p, true
				}
			}
		}
	}
	return packing{}, false
}

// packWithHead takes the hosts by what they have free: the fullest first, or the emptiest.
func packWithHead(hosts []Host, head int, r Request, groups []int, fullest bool) (packing, bool) {
	p := packing{head: head, takes: make([][]int, len(r.Groups))}
	if !hosts[head].holds(r.Head) {
		return p, false
	}
	left := slices.Clone(hosts)
	left[head].take(r.Head, 1)
	for _, g := range groups {
		p.takes[g] = make([]int, len(left))
		order := emptiest(left)
		if fullest {
			slices.Reverse(order)
		}
		need := r.Groups[g].Count
		for _, i := range order {
			n := left[i].room(r.Groups[g].Node, need)
			left[i].take(r.Groups[g].Node, n)
			p.takes[g][i], need = n, need-n
		}
		if need > 0 {
			return p, false
		}
	}
	return p, true
}

// plan names the hosts.
func (p packing) plan(hosts []Host) Plan {
	plan := Plan{Head: hosts[p.head].ID}
	for _, takes := range p.takes {
		for i, n := range takes {
			plan.Compute = append(plan.Compute, slices.Repeat([]uuid.UUID{hosts[i].ID}, n)...)
		}
	}
	return plan
}

// bySize compares two sizes.
type bySize func(a, b provisioner.Shape) int

func byVCPUs(a, b provisioner.Shape) int {
	return cmp.Or(cmp.Compare(a.VCPUs, b.VCPUs), cmp.Compare(a.MemoryMiB, b.MemoryMiB), cmp.Compare(a.DiskGiB, b.DiskGiB))
}

func byMemory(a, b provisioner.Shape) int {
	return cmp.Or(cmp.Compare(a.MemoryMiB, b.MemoryMiB), cmp.Compare(a.DiskGiB, b.DiskGiB), cmp.Compare(a.VCPUs, b.VCPUs))
}

func byDisk(a, b provisioner.Shape) int {
	return cmp.Or(cmp.Compare(a.DiskGiB, b.DiskGiB), cmp.Compare(a.VCPUs, b.VCPUs), cmp.Compare(a.MemoryMiB, b.MemoryMiB))
}

// largestFirst are the indexes of the groups that have nodes: those that not every host can start first, then the largest.
func (r Request) largestFirst(order bySize) []int {
	var groups []int
	for i, g := range r.Groups {
		if g.Count > 0 {
			groups = append(groups, i)
		}
	}
	slices.SortStableFunc(groups, func(a, b int) int {
		x, y := r.Groups[a], r.Groups[b]
		if x.Image.UEFI != y.Image.UEFI {
			if x.Image.UEFI {
				return -1
			}
			return 1
		}
		return order(y.Size, x.Size)
	})
	return groups
}
