package placement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
)

// describe says what each host takes of a plan.
func (p *problem) describe(r Request, plan Plan) []HostFit {
	takes, sizes := map[uuid.UUID]int{plan.Head: 1}, map[uuid.UUID]provisioner.Shape{plan.Head: r.Head.Size}
	at := 0
	for _, g := range r.asked() {
		for _, id := range plan.Compute[at : at+g.Count] {
			takes[id]++
			sum := sizes[id]
			sizes[id] = provisioner.Shape{VCPUs: sum.VCPUs + g.Size.VCPUs, MemoryMiB: sum.MemoryMiB + g.Size.MemoryMiB}
		}
		at += g.Count
	}
	smallest := p.smallest()
	fits := make([]HostFit, len(p.hosts))
	for i, h := range p.hosts {
		n := takes[h.ID]
		fits[i] = HostFit{ID: h.ID, Name: h.Name, Takes: n, Fits: n > 0 || p.bins[i].holds(&p.kinds[p.of[smallest]])}
		switch {
		case n > 0:
			fits[i].Reason = h.keeps(n, sizes[h.ID])
		case fits[i].Fits:
			fits[i].Reason = "takes none of them, has room"
		default:
			fits[i].Reason = h.lacks(p.demands[smallest].Node)
		}
	}
	return fits
}

// keeps says how many nodes of a plan a host takes, and what stays free on it then.
func (h Host) keeps(n int, of provisioner.Shape) string {
	free := h.free()
	return fmt.Sprintf("takes %s; %d of %s and %s of memory stay free",
		refusal.Plural(n, "node", "nodes"), free.VCPUs-of.VCPUs, refusal.Plural(h.Capacity.VCPUs, "vCPU", "vCPUs"), memoryFree(free.MemoryMiB-of.MemoryMiB))
}

// smallest is the demand of whose nodes a host has to hold one to be of any use: of the groups, or the head where it is alone.
func (p *problem) smallest() int {
	least := len(p.demands) - 1
	for d := least; d > 0; d-- {
		if byVCPUs(p.demands[d].Size, p.demands[least].Size) <= 0 {
			least = d
		}
	}
	return least
}

// explain says of each host how many nodes of each group it would take by itself, and what it lacks for one more.
func (p *problem) explain(r Request) []HostFit {
	groups, first := r.asked(), 1
	if len(groups) == 0 {
		groups, first = []Group{{Name: provisioner.HeadName, Node: r.Head, Count: 1}}, 0
	}
	fits := make([]HostFit, len(p.hosts))
	for i, h := range p.hosts {
		f := HostFit{ID: h.ID, Name: h.Name}
		var words []string
		for at, g := range groups {
			n := p.bins[i].room(&p.kinds[p.of[first+at]], g.Count)
			var said string
			switch {
			case n > 0:
				said = fmt.Sprintf("has room for %d of %s (%s each)", n, called(g, groups), size(g.Size))
			case h.Takes() && len(groups) > 1:
				said = "none of " + g.Name + ": " + h.lacks(g.Node)
			default:
				said = h.lacks(g.Node)
			}
			if !slices.Contains(words, said) { // why it takes no node at all is said once
				words = append(words, said)
			}
			f.Takes += n
		}
		f.Fits, f.Reason = f.Takes > 0, strings.Join(words, "; ")
		fits[i] = f
	}
	return fits
}

// called is a group in a sentence about all of them.
func called(g Group, all []Group) string {
	if len(all) == 1 {
		return "them"
	}
	return g.Name
}

// Lacks says why a host takes no node of a shape whose image it has in use, and which UEFI alone starts or not; empty where it does.
func (h Host) Lacks(s provisioner.Shape, uefi bool) string {
	return h.lacks(Node{Size: s, Image: Image{UEFI: uefi}})
}

// LacksUEFI tells whether Place refuses a request because too few hosts, or none, have UEFI firmware.
func LacksUEFI(hosts []Host, r Request) bool {
	_, lacks := r.shortOfUEFI(hosts)
	return lacks
}

func (h Host) lacks(n Node) string {
	if h.Unfit != "" {
		return h.Unfit
	}
	if h.State != provisioner.HostActive {
		if h.Reason != "" {
			return string(h.State) + ": " + h.Reason
		}
		return string(h.State)
	}
	if h.Unwanted != "" {
		return h.Unwanted
	}
	free, s := h.free(), n.Size
	var lacks []string
	if n.Apart != "" && slices.Contains(h.Apart, n.Apart) {
		lacks = append(lacks, "it carries a node of "+n.Apart+", of which each has a host of its own")
	}
	switch {
	case h.starts(n.Image):
	case h.Unseen:
		lacks = append(lacks, "its check has not looked for UEFI firmware (OVMF) yet, which the image needs")
	default:
		lacks = append(lacks, "it has no UEFI firmware (OVMF), which the image needs")
	}
	lack := func(needed string, need, free, of int, in Short) {
		if need > free {
			lacks = append(lacks, fmt.Sprintf("%s needed, %s of %s are free", needed, in.floor(max(free, 0)), in.floor(of)+in.unit()))
		}
	}
	lack(refusal.Plural(s.VCPUs, "vCPU is", "vCPUs are"), s.VCPUs, free.VCPUs, h.Capacity.VCPUs, Short{})
	lack(memoryNeeded(s.MemoryMiB)+" of memory are", s.MemoryMiB, free.MemoryMiB, h.Capacity.MemoryMiB, Short{Resource: ResourceMemory})
	image := h.brings(n.Image)
	// A node whose disk is there already needs none, however full the host's is.
	if need := int64(s.DiskGiB)<<30 + image; need > 0 && need > h.freeBytes() {
		disk := fmt.Sprintf("%d GiB of disk", s.DiskGiB)
		if image > 0 {
			disk += fmt.Sprintf(" and %s GiB for the base image", hundredthsUp(image, 1<<30))
		}
		in := Short{Resource: ResourceDisk}
		lacks = append(lacks, fmt.Sprintf("%s are needed, %s of %s are free", disk, in.floor(max(free.DiskGiB, 0)), in.floor(h.Capacity.DiskGiB)+in.unit()))
	}
	return strings.Join(lacks, "; ")
}

// total says why there is no plan, in words of the whole.
func (p *problem) total(r Request) string {
	if len(p.hosts) == 0 {
		return "the pool has no hosts"
	}
	if s, lacks := r.shortOfUEFI(p.hosts); lacks {
		return s.words()
	}
	groups := r.asked()
	for at, g := range groups {
		room := 0
		for i := range p.bins {
			room += p.bins[i].room(&p.kinds[p.of[1+at]], g.Count)
		}
		switch {
		case room >= g.Count:
		case g.Apart != "":
			return fmt.Sprintf("%s asked for, each on a host of its own, and %s room for one",
				refusal.Plural(g.Count, g.Name+" node is", g.Name+" nodes are"), refusal.Plural(room, "host has", "hosts have"))
		default:
			return fmt.Sprintf("%s asked for, the pool has room for %d", refusal.Plural(g.Count, g.Name+" node is", g.Name+" nodes are"), room)
		}
	}
	if len(groups) < 2 {
		return fmt.Sprintf("no host has room for the head (%s) beside %s", size(r.Head.Size), beside(groups))
	}
	return fmt.Sprintf("no way was found to put the head (%s) and %s beside one another", size(r.Head.Size), beside(groups))
}

// beside names what goes with the head: "3 compute nodes and 1 gpu node".
func beside(groups []Group) string {
	if len(groups) == 0 {
		return "0 compute nodes"
	}
	var words []string
	for _, g := range groups {
		words = append(words, refusal.Plural(g.Count, g.Name+" node", g.Name+" nodes"))
	}
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// memoryNeeded and memoryFree write memory in GiB: never less than is needed, and never more than is free.
func memoryNeeded(mib int) string {
	s := Short{Resource: ResourceMemory}
	return s.ceil(mib) + s.unit()
}

func memoryFree(mib int) string {
	s := Short{Resource: ResourceMemory}
	return s.floor(mib) + s.unit()
}

func size(s provisioner.Shape) string {
	return fmt.Sprintf("%s, %s, %d GiB of disk", refusal.Plural(s.VCPUs, "vCPU", "vCPUs"), memoryNeeded(s.MemoryMiB), s.DiskGiB)
}
