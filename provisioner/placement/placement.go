package placement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
)

// Host is what placement knows of a host. Used counts everything that is not gone, of which stopped nodes count
// their disk alone.
type Host struct {
	ID       uuid.UUID
	Name     string
	State    provisioner.HostState
	Reason   string // staff's, for a State that is not active
	Unfit    string // why it cannot carry any node, whatever staff want; empty: it can
	Capacity provisioner.Shape
	Used     provisioner.Shape // of nodes alone
	// Images are the base images that its nodes stand on or will stand on, each once, with their bytes: they take of its disk.
	// What nobody uses is none of them, whether the host has it or not: where the room is wanted it goes first, and who uses it
	// again takes that room anew.
	Images map[string]int64
	UEFI   bool // it has UEFI firmware for nodes
	Unseen bool // no check has looked for UEFI firmware yet: it counts as a host without
}

// Request is what a launch needs: one head, and the nodes of any number of groups.
type Request struct {
	Head   Node
	Groups []Group
}

// Group is nodes that are alike.
type Group struct {
	Name string // "compute"
	Node
	Count int
}

// Image is a base image, of which a host keeps one copy however many disks stand on it.
type Image struct {
	Digest string
	Bytes  int64
	UEFI   bool // only UEFI starts it: its nodes go to hosts that have it
}

// Node is what one node takes of its host.
type Node struct {
	Size  provisioner.Shape
	Image Image // what its disk stands on; zero where that is not known yet
}

// Share bounds what of a pool's vCPUs the request may take, beside what each host has: acceptance tests have a share
// of their own, which clusters may not use.
type Share struct {
	VCPUs int // of the share
	Used  int // already
	Test  bool
}

// HostFit says what a host takes of the request or, where the request is refused, could take of it.
type HostFit struct {
	ID     uuid.UUID
	Name   string
	Fits   bool   // it takes, or could take, at least one node
	Takes  int    // nodes of the plan, or where there is none the nodes that it has room for, of each group by itself
	Reason string // why not more: "4 vCPUs are needed, 2 of 8 are free", "cordoned"
}

// Plan is where each node goes.
type Plan struct {
	Head    uuid.UUID
	Compute []uuid.UUID // of all groups in their order, of each by number: compute-001 first
}

// Place finds a host for every node, or for none (ok is false) and then says why, in words of the whole (reason) and of
// every host. Compute nodes spread over as many hosts as there are. A plan is found wherever Fits says that there is one.
func Place(hosts []Host, r Request, s Share) (p Plan, fits []HostFit, reason string, ok bool) {
	hosts = slices.Clone(hosts)
	slices.SortFunc(hosts, func(a, b Host) int { return cmp.Compare(a.Name, b.Name) })
	if reason := s.Refuses(r.vcpus()); reason != "" {
		return Plan{}, explain(hosts, r), reason, false
	}
	if !Fits(hosts, r, s) {
		fits = explain(hosts, r)
		return Plan{}, fits, total(hosts, fits, r), false
	}
	// Nodes of one group are all alike, so that filling the emptiest host first never misses a plan: only the head's host
	// has to be tried out. Of several groups it may miss one, whatever the head's host: then they are packed as Fits did.
	heads := emptiest(hosts)
	if r.mixed() {
		heads = heads[:min(len(heads), mostHeads)]
	}
	for _, head := range heads {
		if p, ok := placeWithHead(hosts, head, r); ok {
			return p, describe(hosts, r, p), "", true
		}
	}
	packed, _ := pack(hosts, r)
	p = packed.plan(hosts)
	return p, describe(hosts, r, p), "", true
}

// mixed tells whether nodes of several kinds have to share the hosts beside the head.
func (r Request) mixed() bool { return len(r.asked()) > 1 }

// asked are the groups of which there are to be nodes.
func (r Request) asked() []Group {
	return slices.DeleteFunc(slices.Clone(r.Groups), func(g Group) bool { return g.Count <= 0 })
}

// compute is how many nodes there are beside the head.
func (r Request) compute() int {
	n := 0
	for _, g := range r.asked() {
		n += g.Count
	}
	return n
}

// Nodes is how many nodes there are to be, the head among them.
func (r Request) Nodes() int { return 1 + r.compute() }

func (r Request) vcpus() int64 {
	n := int64(r.Head.Size.VCPUs)
	for _, g := range r.asked() {
		n += int64(g.Size.VCPUs) * int64(g.Count)
	}
	return n
}

// Refuses says why need vCPUs are more than the share has free; empty where they are not.
func (s Share) Refuses(need int64) string {
	free := max(s.VCPUs-s.Used, 0)
	if need <= int64(free) {
		return ""
	}
	of := "for clusters"
	if s.Test {
		of = "set aside for acceptance tests"
	}
	return fmt.Sprintf("%s needed, %d of the pool's %d %s are free", refusal.Plural(need, "vCPU is", "vCPUs are"), free, s.VCPUs, of)
}

// emptiest gives the indexes of hosts that take nodes, those with the most free vCPUs, then memory, first.
func emptiest(hosts []Host) []int {
	order := make([]int, 0, len(hosts))
	for i, h := range hosts {
		if h.Takes() {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return compareFree(hosts[a], hosts[b]) })
	return order
}

func compareFree(a, b Host) int {
	return cmp.Or(
		cmp.Compare(b.free().VCPUs, a.free().VCPUs),
		cmp.Compare(b.free().MemoryMiB, a.free().MemoryMiB),
		cmp.Compare(b.free().DiskGiB, a.free().DiskGiB))
}

// free is what is left, of the disk in whole GiB.
func (h Host) free() provisioner.Shape {
	return provisioner.Shape{
		VCPUs:     h.Capacity.VCPUs - h.Used.VCPUs,
		MemoryMiB: h.Capacity.MemoryMiB - h.Used.MemoryMiB,
		DiskGiB:   int(h.freeBytes() >> 30),
	}
}

func (h Host) freeBytes() int64 {
	free := int64(h.Capacity.DiskGiB-h.Used.DiskGiB) << 30
	for _, bytes := range h.Images {
		free -= bytes
	}
	return free
}

// brings is what an image takes of the disk beside those that are used there already.
func (h Host) brings(i Image) int64 {
	if _, used := h.Images[i.Digest]; used || i.Digest == "" {
		return 0
	}
	return i.Bytes
}

// take never writes to a map that another copy of the host has.
func (h *Host) take(n Node, count int) {
	h.Used.VCPUs += n.Size.VCPUs * count
	h.Used.MemoryMiB += n.Size.MemoryMiB * count
	h.Used.DiskGiB += n.Size.DiskGiB * count
	if count > 0 && h.brings(n.Image) > 0 {
		images := map[string]int64{n.Image.Digest: n.Image.Bytes}
		maps.Copy(images, h.Images)
		h.Images = images
	}
}

// Takes tells whether the host takes nodes at all.
func (h Host) Takes() bool { return h.State == provisioner.HostActive && h.Unfit == "" }

// starts tells whether the host has the firmware that an image needs.
func (h Host) starts(i Image) bool { return h.UEFI || !i.UEFI }

func (h Host) holds(n Node) bool {
	free := h.free()
	return h.Takes() && h.starts(n.Image) &&
		n.Size.VCPUs <= free.VCPUs && n.Size.MemoryMiB <= free.MemoryMiB && int64(n.Size.DiskGiB)<<30+h.brings(n.Image) <= h.freeBytes()
}

func placeWithHead(hosts []Host, head int, r Request) (Plan, bool) {
	if !hosts[head].holds(r.Head) {
		return Plan{}, false
	}
	left := slices.Clone(hosts)
	left[head].take(r.Head, 1)
	on := make([][]uuid.UUID, len(r.Groups))
	carried := make([]int, len(left)) // compute nodes, doubled, and one for the head: breaks ties away from it
	carried[head] = 1
	for _, g := range r.largestFirst(byVCPUs) {
		for range r.Groups[g].Count {
			best := -1
			for i := range left {
				if left[i].holds(r.Groups[g].Node) && (best < 0 || better(left, carried, i, best)) {
					best = i
				}
			}
			if best < 0 {
				return Plan{}, false
			}
			left[best].take(r.Groups[g].Node, 1)
			carried[best] += 2
			on[g] = append(on[g], left[best].ID)
		}
	}
	return Plan{Head: left[head].ID, Compute: slices.Concat(on...)}, true
}

func better(hosts []Host, carried []int, a, b int) bool {
	if c := cmp.Compare(carried[a], carried[b]); c != 0 {
		return c < 0
	}
	return compareFree(hosts[a], hosts[b]) < 0
}

// describe says what each host takes of a plan.
func describe(hosts []Host, r Request, p Plan) []HostFit {
	takes, sizes := map[uuid.UUID]int{p.Head: 1}, map[uuid.UUID]provisioner.Shape{p.Head: r.Head.Size}
	at := 0
	for _, g := range r.asked() {
		for _, id := range p.Compute[at : at+g.Count] {
			takes[id]++
			sum := sizes[id]
			sizes[id] = provisioner.Shape{VCPUs: sum.VCPUs + g.Size.VCPUs, MemoryMiB: sum.MemoryMiB + g.Size.MemoryMiB}
		}
		at += g.Count
	}
	fits := make([]HostFit, len(hosts))
	for i, h := range hosts {
		n := takes[h.ID]
		fits[i] = HostFit{ID: h.ID, Name: h.Name, Takes: n, Fits: n > 0 || h.holds(r.smallest())}
		switch {
		case n > 0:
			fits[i].Reason = h.keeps(n, sizes[h.ID])
		case fits[i].Fits:
			fits[i].Reason = "takes none of them, has room"
		default:
			fits[i].Reason = h.lacks(r.smallest())
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

// smallest is the node of which a host has to hold one to be of any use.
func (r Request) smallest() Node {
	groups := r.asked()
	if len(groups) == 0 {
		return r.Head
	}
	return slices.MinFunc(groups, func(a, b Group) int { return byVCPUs(a.Size, b.Size) }).Node
}

// explain says of each host how many nodes of each group it would take by itself, and what it lacks for one more.
func explain(hosts []Host, r Request) []HostFit {
	groups := r.asked()
	if len(groups) == 0 {
		groups = []Group{{Name: provisioner.HeadName, Node: r.Head, Count: 1}}
	}
	fits := make([]HostFit, len(hosts))
	for i, h := range hosts {
		f := HostFit{ID: h.ID, Name: h.Name}
		var words []string
		for _, g := range groups {
			n := h.room(g.Node, g.Count)
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

// room is how many nodes of a kind fit, at most limit.
func (h Host) room(n Node, limit int) int {
	if !h.holds(n) {
		return 0
	}
	free := h.free()
	for _, part := range [][2]int64{
		{int64(free.VCPUs), int64(n.Size.VCPUs)},
		{int64(free.MemoryMiB), int64(n.Size.MemoryMiB)},
		{h.freeBytes() - h.brings(n.Image), int64(n.Size.DiskGiB) << 30},
	} {
		if part[1] > 0 {
			limit = int(min(int64(limit), part[0]/part[1]))
		}
	}
	return limit
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
	free, s := h.free(), n.Size
	var lacks []string
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

func total(hosts []Host, fits []HostFit, r Request) string {
	if len(fits) == 0 {
		return "the pool has no hosts"
	}
	if s, lacks := r.shortOfUEFI(hosts); lacks {
		return s.words()
	}
	groups := r.asked()
	for _, g := range groups {
		room := 0
		for _, h := range hosts {
			room += h.room(g.Node, g.Count)
		}
		if room < g.Count {
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
