package placement

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
)

// Resource is what a request may find too little of.
type Resource string

// The resources. The last six are no part of a host's size: nodes that one cluster may have, networks of the pool,
// hosts that take nodes, the seconds of a lease, hosts with UEFI firmware, and hosts for nodes that share none.
const (
	ResourceVCPUs    Resource = "vCPUs"
	ResourceMemory   Resource = "memory" // MiB
	ResourceDisk     Resource = "disk"   // GiB
	ResourceNodes    Resource = "nodes"
	ResourceNetworks Resource = "networks"
	ResourceHosts    Resource = "hosts"
	ResourceLease    Resource = "lease" // seconds
	ResourceUEFI     Resource = "UEFI"  // hosts that take nodes, and have UEFI firmware
	ResourceApart    Resource = "hosts apart"
)

// Short is one resource that keeps a request from starting, with its numbers in the resource's unit.
type Short struct {
	Resource Resource
	Need     int // of all nodes; of each of them where Nodes is not 0
	Free     int
	Of       int // Free where nothing is taken; for nodes and lease the most there may be
	// Room of Nodes is how many nodes fit as far as this resource goes, where its sum would do but lies in parts.
	Room, Nodes int
	Unseen      int   // of Of, those that no check has looked at yet
	Upto        bool  // Need is the largest node's, and others need less
	Image       int64 // bytes of the base image that each host needs beside the nodes' disks; 0: none, or all have it
}

// String says it in words: "memory: 6 of 8 GiB free, 12 GiB needed".
func (s Short) String() string {
	switch {
	case s.Resource == ResourceHosts && s.Nodes > 0:
		return fmt.Sprintf("hosts: none has vCPUs, memory and disk together for more than %d of %s", s.Room, refusal.Plural(s.Nodes, "node", "nodes"))
	case s.Resource == ResourceHosts:
		return fmt.Sprintf("hosts: %d of %d take nodes now", s.Free, s.Of)
	case s.Resource == ResourceUEFI:
		return "UEFI: " + s.words()
	case s.Resource == ResourceApart:
		return fmt.Sprintf("hosts: %d of %s room for a node that needs one of its own, %d needed", s.Free, refusal.Plural(s.Of, "host has", "hosts have"), s.Need)
	case s.Resource == ResourceNetworks:
		return fmt.Sprintf("networks: %d of %d free", s.Free, s.Of)
	case s.Resource == ResourceNodes, s.Resource == ResourceLease:
		return fmt.Sprintf("%s: at most %s here, %s asked for", s.Resource, s.floor(s.Of)+s.unit(), s.ceil(s.Need)+s.unit())
	case s.Nodes > 0 && s.Image > 0:
		return fmt.Sprintf("%s: %s each beside a base image of %s GiB on each host, room for %d of %s (%s)", s.Resource, s.each(),
			hundredthsUp(s.Image, 1<<30), s.Room, refusal.Plural(s.Nodes, "node", "nodes"), s.free())
	case s.Nodes > 0:
		return fmt.Sprintf("%s: %s each, room for %d of %s (%s)", s.Resource, s.each(), s.Room, refusal.Plural(s.Nodes, "node", "nodes"), s.free())
	default:
		return fmt.Sprintf("%s: %s, %s needed", s.Resource, s.free(), s.ceil(s.Need)+s.unit())
	}
}

func (s Short) free() string {
	if s.Free == s.Of {
		return s.floor(s.Of) + s.unit() + " in all"
	}
	return fmt.Sprintf("%s of %s free", s.floor(s.Free), s.floor(s.Of)+s.unit())
}

// each is what one node needs.
func (s Short) each() string {
	if s.Upto {
		return "up to " + s.ceil(s.Need) + s.unit()
	}
	return s.ceil(s.Need) + s.unit()
}

func (s Short) unit() string {
	switch s.Resource {
	case ResourceMemory, ResourceDisk:
		return " GiB"
	case ResourceLease:
		return " h"
	default:
		return ""
	}
}

// floor and ceil write a number in the unit that people read, with two decimals at most: what there is is never written
// larger than it is, and what is needed never smaller.
func (s Short) floor(n int) string { return s.number(n, 0) }
func (s Short) ceil(n int) string  { return s.number(n, s.divisor()-1) }

func (s Short) number(n, up int) string {
	d := s.divisor()
	if d == 1 {
		return refusal.Count(n)
	}
	return decimals((int64(n)*100 + int64(up)) / int64(d))
}

// hundredthsUp writes n in units of d with two decimals, never smaller than it is.
func hundredthsUp(n, d int64) string { return decimals((n*100 + d - 1) / d) }

func decimals(hundredths int64) string {
	fraction := strings.TrimRight(fmt.Sprintf("%02d", hundredths%100), "0")
	if fraction == "" {
		return refusal.Count(hundredths / 100)
	}
	return refusal.Count(hundredths/100) + "." + fraction
}

func (s Short) divisor() int {
	switch s.Resource {
	case ResourceMemory:
		return 1024
	case ResourceLease:
		return 3600
	default:
		return 1
	}
}

// Shortage says what a request lacks on hosts as they are now: the resources whose sum is too small; else those that lie in
// parts too small for a node; else that no host has all of them together. None where it fits.
func Shortage(hosts []Host, r Request, s Share) []Short {
	takes := slices.DeleteFunc(slices.Clone(hosts), func(h Host) bool { return !h.Takes() })
	if len(takes) == 0 {
		return []Short{{Resource: ResourceHosts, Of: len(hosts)}}
	}
	if Fits(takes, r, s) {
		return nil
	}
	if lack, lacks := r.shortOfUEFI(takes); lacks {
		short := []Short{lack}
		if all := withUEFI(takes); !Fits(all, r, s) {
			short = append(short, Shortage(all, r, s)...)
		}
		return short
	}
	takes = withUEFI(takes) // which is not what keeps it
	if sums := r.sums(takes, s); sums != nil {
		return sums
	}
	if apart := r.shortOfHosts(takes); apart != nil {
		return apart
	}
	return r.parts(takes)
}

// shortOfHosts is that there are fewer hosts with room than nodes of a group that share none.
func (r Request) shortOfHosts(hosts []Host) []Short {
	p := newProblem(hosts, r.demands())
	for at, g := range r.asked() {
		room := 0
		for i := range p.bins {
			room += p.bins[i].room(&p.kinds[p.of[1+at]], 1)
		}
		if g.Apart != "" && room < g.Count {
			return []Short{{Resource: ResourceApart, Need: g.Count, Free: room, Of: len(hosts)}}
		}
	}
	return nil
}

// parts are the resources that lie in parts too small for the nodes; else that no host has all of them together.
func (r Request) parts(takes []Host) []Short {
	all := 1 + r.compute()
	var parts []Short
	for _, res := range sized() {
		only := Request{Head: res.only(r.Head)}
		for _, g := range r.asked() {
			only.Groups = append(only.Groups, Group{Name: g.Name, Node: res.only(g.Node), Count: g.Count})
		}
		if room := most(takes, only); room < all {
			free, of := res.sum(takes)
			least := newProblem(nil, only.demands())
			each := least.demands[least.smallest()].Node
			lack := Short{Resource: res.name, Need: *res.of(&each.Size), Free: free, Of: of, Room: room, Nodes: all}
			for _, g := range only.Groups {
				if need := *res.of(&g.Size); need != lack.Need {
					lack.Need, lack.Upto, each = max(need, lack.Need), true, g.Node
				}
			}
			for _, h := range takes {
				lack.Image = max(lack.Image, h.brings(each.Image))
			}
			parts = append(parts, lack)
		}
	}
	if parts == nil {
		parts = []Short{{Resource: ResourceHosts, Room: most(takes, r), Nodes: all}}
	}
	return parts
}

// shortOfUEFI tells whether a request that does not fit would fit, or come nearer, if every host that takes nodes had UEFI firmware:
// where none has it, and where that alone is what it lacks.
func (r Request) shortOfUEFI(hosts []Host) (short Short, lacks bool) {
	if !r.Head.Image.UEFI && !slices.ContainsFunc(r.asked(), func(g Group) bool { return g.Image.UEFI }) {
		return Short{}, false
	}
	have, takes, unseen := 0, 0, 0
	for _, h := range hosts {
		if h.Takes() {
			takes++
			switch {
			case h.UEFI:
				have++
			case h.Unseen:
				unseen++
			}
		}
	}
	s := Short{Resource: ResourceUEFI, Free: have, Of: takes, Unseen: unseen}
	unbounded := Share{VCPUs: maxShare}
	return s, have < takes && !Fits(hosts, r, unbounded) && (have == 0 || Fits(withUEFI(hosts), r, unbounded))
}

func withUEFI(hosts []Host) []Host {
	all := slices.Clone(hosts)
	for i := range all {
		all[i].UEFI, all[i].Unseen = true, false
	}
	return all
}

// words are those of hosts that lack UEFI firmware. Before an upgrade no check looked for it: where that is all, nobody may read that
// there is none.
func (s Short) words() string {
	text := s.lacking()
	if s.Unseen > 0 && s.Of > 1 {
		text += fmt.Sprintf("; their provider's checks have not looked for it on %d of them yet", s.Unseen)
	}
	return text
}

func (s Short) lacking() string {
	switch {
	case s.Free == 0 && s.Of == 1 && s.Unseen == 1:
		return "the check of the one host that takes nodes has not looked for UEFI firmware (OVMF) yet, which the image needs"
	case s.Free == 0 && s.Of == 1:
		return "the one host that takes nodes has no UEFI firmware (OVMF), which the image needs"
	case s.Free == 0 && s.Unseen > 0:
		return fmt.Sprintf("none of the %s that take nodes is known to have UEFI firmware (OVMF), which the image needs", refusal.Plural(s.Of, "host", "hosts"))
	case s.Free == 0:
		return fmt.Sprintf("none of the %s that take nodes has UEFI firmware (OVMF), which the image needs", refusal.Plural(s.Of, "host", "hosts"))
	}
	has := "have"
	if s.Free == 1 {
		has = "has"
	}
	return fmt.Sprintf("%d of %s that take nodes %s UEFI firmware (OVMF), which the image needs: no room there for all its nodes",
		s.Free, refusal.Plural(s.Of, "host", "hosts"), has)
}

// ShortageEmpty is Shortage with nothing on the hosts: what a request is too large for.
func ShortageEmpty(hosts []Host, r Request, s Share) []Short {
	empty, whole := emptied(hosts, s)
	return Shortage(empty, r, whole)
}

// sums are the resources of which all nodes want more than all hosts have.
func (r Request) sums(hosts []Host, s Share) (short []Short) {
	for _, res := range sized() {
		need := *res.of(&r.Head.Size)
		for _, g := range r.asked() {
			need += *res.of(&g.Size) * g.Count
		}
		free, of := res.sum(hosts)
		if res.name == ResourceVCPUs {
			free, of = min(free, max(s.VCPUs-s.Used, 0)), min(of, s.VCPUs)
		}
		if need > free {
			short = append(short, Short{Resource: res.name, Need: need, Free: free, Of: of})
		}
	}
	return short
}

// most is how many nodes of a request fit, the head among them; 0: not even the head. Of several groups the first are taken first.
func most(hosts []Host, r Request) int {
	n := r.compute()
	return sort.Search(n+1, func(i int) bool { return !Fits(hosts, r.first(i), Share{VCPUs: maxShare}) })
}

// first is the request with so many nodes beside the head at the most.
func (r Request) first(n int) Request {
	groups := r.asked()
	for i := range groups {
		groups[i].Count = min(groups[i].Count, n)
		n -= groups[i].Count
	}
	r.Groups = groups
	return r
}

// maxShare is a share that bounds nothing.
const maxShare = 1 << 40

// sizedResource is a part of a node's size.
type sizedResource struct {
	name Resource
	of   func(*provisioner.Shape) *int
}

func sized() []sizedResource {
	return []sizedResource{
		{ResourceVCPUs, func(s *provisioner.Shape) *int { return &s.VCPUs }},
		{ResourceMemory, func(s *provisioner.Shape) *int { return &s.MemoryMiB }},
		{ResourceDisk, func(s *provisioner.Shape) *int { return &s.DiskGiB }},
	}
}

// only is a node that asks for this resource alone.
func (res sizedResource) only(n Node) (alone Node) {
	*res.of(&alone.Size) = *res.of(&n.Size)
	if res.name == ResourceDisk {
		alone.Image = n.Image
	}
	return alone
}

// sum is what all hosts have free, and have.
func (res sizedResource) sum(hosts []Host) (free, of int) {
	for _, h := range hosts {
		room := h.free()
		free += max(*res.of(&room), 0)
		of += *res.of(&h.Capacity)
	}
	return free, of
}
