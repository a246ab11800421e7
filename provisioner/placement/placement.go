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

// Request is what a launch needs: one head and Compute nodes of one shape.
type Request struct {
	Head        provisioner.Shape
	Compute     provisioner.Shape
	ComputeSize int // how many compute nodes
	// What their disks stand on; zero where that is not known yet.
	HeadImage, ComputeImage Image
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
	Image Image
}

func (r Request) head() Node    { return Node{r.Head, r.HeadImage} }
func (r Request) compute() Node { return Node{r.Compute, r.ComputeImage} }

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
	Takes  int    // nodes of the plan, or compute nodes it has room for where there is no plan
	Reason string // why not more: "4 vCPUs are needed, 2 of 8 are free", "cordoned"
}

// Plan is where each node goes.
type Plan struct {
	Head    uuid.UUID
	Compute []uuid.UUID // by number: compute-001 first
}

// Place finds a host for every node, or for none (ok is false) and then says why, in words of the whole (reason) and of
// every host. Compute nodes spread over as many hosts as there are; a plan is found wherever there is one.
func Place(hosts []Host, r Request, s Share) (p Plan, fits []HostFit, reason string, ok bool) {
	hosts = slices.Clone(hosts)
	slices.SortFunc(hosts, func(a, b Host) int { return cmp.Compare(a.Name, b.Name) })
	if reason := s.Refuses(r.vcpus()); reason != "" {
		return Plan{}, explain(hosts, r), reason, false
	}
	// Compute nodes are all alike, so that filling the emptiest host first never misses a plan: only the head's host
	// has to be tried out.
	for _, head := range emptiest(hosts) {
		if p, ok := placeWithHead(hosts, head, r); ok {
			return p, describe(hosts, r, p), "", true
		}
	}
	fits = explain(hosts, r)
	return Plan{}, fits, total(hosts, fits, r), false
}

func (r Request) vcpus() int64 {
	return int64(r.Head.VCPUs) + int64(r.Compute.VCPUs)*int64(r.ComputeSize)
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
func (h *Host) take(n Node) {
	h.Used.VCPUs += n.Size.VCPUs
	h.Used.MemoryMiB += n.Size.MemoryMiB
	h.Used.DiskGiB += n.Size.DiskGiB
	if h.brings(n.Image) > 0 {
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
	if !hosts[head].holds(r.head()) {
		return Plan{}, false
	}
	left := slices.Clone(hosts)
	left[head].take(r.head())
	p := Plan{Head: left[head].ID, Compute: make([]uuid.UUID, 0, min(r.ComputeSize, 4096))}
	carried := make([]int, len(left)) // compute nodes, doubled, and one for the head: breaks ties away from it
	carried[head] = 1
	for range r.ComputeSize {
		best := -1
		for i := range left {
			if left[i].holds(r.compute()) && (best < 0 || better(left, carried, i, best)) {
				best = i
			}
		}
		if best < 0 {
			return Plan{}, false
		}
		left[best].take(r.compute())
		carried[best] += 2
		p.Compute = append(p.Compute, left[best].ID)
	}
	return p, true
}

func better(hosts []Host, carried []int, a, b int) bool {
	if c := cmp.Compare(carried[a], carried[b]); c != 0 {
		return c < 0
	}
	return compareFree(hosts[a], hosts[b]) < 0
}

// describe says what each host takes of a plan.
func describe(hosts []Host, r Request, p Plan) []HostFit {
	takes := map[uuid.UUID]int{p.Head: 1}
	for _, id := range p.Compute {
		takes[id]++
	}
	fits := make([]HostFit, len(hosts))
	for i, h := range hosts {
		n := takes[h.ID]
		fits[i] = HostFit{ID: h.ID, Name: h.Name, Takes: n, Fits: n > 0 || h.holds(r.smallest())}
		switch {
		case n > 0:
			fits[i].Reason = h.keeps(r, p, n)
		case fits[i].Fits:
			fits[i].Reason = "takes none of them, has room"
		default:
			fits[i].Reason = h.lacks(r.smallest())
		}
	}
	return fits
}

// keeps says how many nodes of a plan a host takes, and what stays free on it then.
func (h Host) keeps(r Request, p Plan, n int) string {
	free, compute := h.free(), n
	if p.Head == h.ID {
		compute--
		free.VCPUs, free.MemoryMiB = free.VCPUs-r.Head.VCPUs, free.MemoryMiB-r.Head.MemoryMiB
	}
	free.VCPUs, free.MemoryMiB = free.VCPUs-compute*r.Compute.VCPUs, free.MemoryMiB-compute*r.Compute.MemoryMiB
	return fmt.Sprintf("takes %s; %d of %s and %s of memory stay free",
		refusal.Plural(n, "node", "nodes"), free.VCPUs, refusal.Plural(h.Capacity.VCPUs, "vCPU", "vCPUs"), memoryFree(free.MemoryMiB))
}

// smallest is the shape of which a host has to hold one to be of any use.
func (r Request) smallest() Node {
	if r.ComputeSize > 0 {
		return r.compute()
	}
	return r.head()
}

// explain says of each host how many compute nodes it would take by itself, and what it lacks for one more.
func explain(hosts []Host, r Request) []HostFit {
	fits := make([]HostFit, len(hosts))
	for i, h := range hosts {
		s := r.smallest()
		n := h.room(s, max(r.ComputeSize, 1))
		fits[i] = HostFit{ID: h.ID, Name: h.Name, Takes: n, Fits: n > 0, Reason: h.lacks(s)}
		if n > 0 {
			fits[i].Reason = fmt.Sprintf("has room for %d of them (%s each)", n, size(s.Size))
		}
	}
	return fits
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
	room := 0
	for _, f := range fits {
		room += f.Takes
	}
	if r.ComputeSize == 0 || room >= r.ComputeSize {
		return fmt.Sprintf("no host has room for the head (%s) beside %s", size(r.Head), refusal.Plural(r.ComputeSize, "compute node", "compute nodes"))
	}
	return fmt.Sprintf("%s asked for, the pool has room for %d", refusal.Plural(r.ComputeSize, "compute node is", "compute nodes are"), room)
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
