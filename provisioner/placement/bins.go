package placement

import (
	"cmp"
	"math"
	"slices"
)

// demand is nodes that are wanted and alike.
type demand struct {
	Node
	count int
}

// demands are the head and the groups that are asked for, in their order.
func (r Request) demands() []demand {
	list := []demand{{r.Head, 1}}
	for _, g := range r.asked() {
		list = append(list, demand{g.Node, g.Count})
	}
	return list
}

// kind is a node in numbers alone, as a bin takes it.
type kind struct {
	vcpus, mib  int
	disk, image int64  // bytes of its own disk, and of its base image where the bin does not have that
	has, apart  uint64 // the bits of its base image and of whom it shares no host with; 0: none
	uefi        bool
}

// bin is a host in numbers alone.
type bin struct {
	vcpus, mib       int // free
	bytes            int64
	ofVCPUs, ofMiB   int
	has, apart       uint64
	carried          int // of the request's cluster: 2 for each compute node, 1 for the head
	open, uefi, slow bool
	pack, busy       bool
}

// problem is nodes that are wanted, on hosts by name. Demands that are alike are of one kind, and put together.
type problem struct {
	hosts   []Host
	bins    []bin // as hosts
	kinds   []kind
	demands []demand
	of      []int // the kind of each demand
	looked  int   // how often a bin was looked at: what an answer costs
}

func newProblem(hosts []Host, demands []demand) *problem {
	p := &problem{hosts: byName(hosts), demands: demands, of: make([]int, len(demands))}
	images, apart := bits{}, bits{}
	for i, d := range demands {
		k := kind{
			vcpus: d.Size.VCPUs, mib: d.Size.MemoryMiB, disk: int64(d.Size.DiskGiB) << 30, uefi: d.Image.UEFI,
			has: images.of(d.Image.Digest), apart: apart.of(d.Apart),
		}
		if k.has != 0 {
			k.image = d.Image.Bytes
		}
		if p.of[i] = slices.Index(p.kinds, k); p.of[i] < 0 {
			p.of[i], p.kinds = len(p.kinds), append(p.kinds, k)
		}
	}
	p.bins = make([]bin, len(p.hosts))
	for i, h := range p.hosts {
		p.bins[i] = h.bin(images, apart)
	}
	return p
}

// byName gives the hosts in an order that does not depend on the caller's: the same hosts make the same plan.
func byName(hosts []Host) []Host {
	order := func(a, b Host) int { return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.ID[:], b.ID[:])) }
	if slices.IsSortedFunc(hosts, order) {
		return hosts
	}
	return slices.SortedFunc(slices.Values(hosts), order)
}

// bits gives each name a bit of its own. A model has at most 16 groups and a head, so that 64 are enough.
type bits map[string]uint64

func (b bits) of(name string) uint64 {
	if name == "" {
		return 0
	}
	if _, known := b[name]; !known {
		b[name] = 1 << len(b)
	}
	return b[name]
}

func (h Host) bin(images, apart bits) bin {
	free := h.free()
	b := bin{
		vcpus: free.VCPUs, mib: free.MemoryMiB, bytes: h.freeBytes(), ofVCPUs: h.Capacity.VCPUs, ofMiB: h.Capacity.MemoryMiB,
		open: h.Takes(), uefi: h.UEFI, slow: h.Emulated, pack: h.Pack, busy: h.Used.VCPUs > 0 || h.Used.MemoryMiB > 0 || h.Used.DiskGiB > 0,
	}
	for digest, bit := range images {
		if _, used := h.Images[digest]; used {
			b.has |= bit
		}
	}
	for _, name := range h.Apart {
		b.apart |= apart[name]
	}
	return b
}

// brings is what a kind's base image takes of the disk beside those that are used there already.
func (b *bin) brings(k *kind) int64 {
	if b.has&k.has != 0 {
		return 0
	}
	return k.image
}

func (b *bin) holds(k *kind) bool {
	return b.open && k.vcpus <= b.vcpus && k.mib <= b.mib && k.disk+b.brings(k) <= b.bytes && (b.uefi || !k.uefi) && b.apart&k.apart == 0
}

// room is how many nodes of a kind fit, at most limit.
func (b *bin) room(k *kind, limit int) int {
	if !b.holds(k) {
		return 0
	}
	if k.apart != 0 {
		limit = min(limit, 1)
	}
	if k.vcpus > 0 {
		limit = min(limit, b.vcpus/k.vcpus)
	}
	if k.mib > 0 {
		limit = min(limit, b.mib/k.mib)
	}
	if k.disk > 0 {
		limit = int(min(int64(limit), (b.bytes-b.brings(k))/k.disk))
	}
	return limit
}

func (b *bin) take(k *kind, n int) {
	if n == 0 {
		return
	}
	b.vcpus -= n * k.vcpus
	b.mib -= n * k.mib
	b.bytes -= int64(n)*k.disk + b.brings(k)
	b.has |= k.has
	b.apart |= k.apart
	b.busy = true
}

// counts sums the demands of each kind.
func (p *problem) counts() []int {
	counts := make([]int, len(p.kinds))
	for i, d := range p.demands {
		counts[p.of[i]] += d.count
	}
	return counts
}

// mayFit tells in one look at each host whether there is room for each kind by itself, and enough of each resource for all
// of them together on hosts that hold any. Where it says no there is no plan.
func (p *problem) mayFit(counts []int) bool {
	need, free := [3]float64{}, [3]float64{}
	for i, k := range p.kinds {
		n := float64(counts[i])
		need[0], need[1], need[2] = need[0]+n*float64(k.vcpus), need[1]+n*float64(k.mib), need[2]+n*float64(k.disk)
	}
	rooms := make([]int, len(p.kinds))
	for i := range p.bins {
		p.looked++
		b, useful := &p.bins[i], false
		for k := range p.kinds {
			n := b.room(&p.kinds[k], counts[k])
			rooms[k] += min(n, math.MaxInt-rooms[k])
			useful = useful || n > 0
		}
		if useful {
			free[0], free[1], free[2] = free[0]+float64(b.vcpus), free[1]+float64(b.mib), free[2]+float64(b.bytes)
		}
	}
	for k, n := range counts {
		if rooms[k] < n {
			return false
		}
	}
	return need[0] <= free[0] && need[1] <= free[1] && need[2] <= free[2]
}
