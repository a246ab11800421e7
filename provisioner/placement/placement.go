package placement

import (
	"cmp"
	"fmt"
	"slices"

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
	Images   map[string]int64
	UEFI     bool     // it has UEFI firmware for nodes
	Unseen   bool     // no check has looked for UEFI firmware yet: it counts as a host without
	Unwanted string   // why it takes no new nodes although staff want it active: labels that its pool wants and it has not; empty: it does
	Emulated bool     // KVM does not work on it: it takes nodes where no other host has room
	Pack     bool     // its pool fills hosts that carry nodes before it takes empty ones; false: it spreads a cluster over its hosts
	Apart    []string // of the request's cluster: the Apart of nodes that it carries already
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
	Least int // that the cluster may have, where Count do not fit: see Largest
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
	// Apart is whom it shares no host with: nodes that have the same. Empty: with anyone.
	Apart string
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
// every host. The best hosts are taken (see rank). A plan is found wherever Fits says that there is one, and the same one for the same
// hosts in whatever order they come.
func Place(hosts []Host, r Request, s Share) (p Plan, fits []HostFit, reason string, ok bool) {
	problem := newProblem(hosts, r.demands())
	if reason := s.Refuses(r.vcpus()); reason != "" {
		return Plan{}, problem.explain(r), reason, false
	}
	on, ok := problem.place(true)
	if !ok {
		fits = problem.explain(r)
		return Plan{}, fits, problem.total(r), false
	}
	p.Head = problem.hosts[on[0][0]].ID
	for _, bins := range on[1:] {
		for _, i := range bins {
			p.Compute = append(p.Compute, problem.hosts[i].ID)
		}
	}
	return p, problem.describe(r, p), "", true
}

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

// Takes tells whether the host takes nodes at all.
func (h Host) Takes() bool {
	return h.State == provisioner.HostActive && h.Unfit == "" && h.Unwanted == ""
}

// starts tells whether the host has the firmware that an image needs.
func (h Host) starts(i Image) bool { return h.UEFI || !i.UEFI }

func byVCPUs(a, b provisioner.Shape) int {
	return cmp.Or(cmp.Compare(a.VCPUs, b.VCPUs), cmp.Compare(a.MemoryMiB, b.MemoryMiB), cmp.Compare(a.DiskGiB, b.DiskGiB))
}
