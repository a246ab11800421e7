package placement

import (
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"
)

// Freed is room that one end of a lease gives back on one host.
type Freed struct {
	At     time.Time
	HostID uuid.UUID
	VCPUs  int
	// MemoryMiB and DiskGiB come back with the vCPUs; a stopped node keeps its disk, so DiskGiB is 0 where a lease's end
	// stops a cluster.
	MemoryMiB, DiskGiB int
	Share              int // vCPUs that the request's share gets back: those of hosts it counts
}

// When says when a request can start.
type When string

// What Earliest finds.
const (
	WhenNow    When = "now"    // there is room
	WhenAt     When = "at"     // at a known time, if nobody else takes the room before
	WhenOpen   When = "open"   // the pool is large enough, and no known end of a lease makes the room
	WhenLarger When = "larger" // larger than the pool with nothing in it
	WhenUnfit  When = "unfit"  // of too few of its hosts that have UEFI firmware, whatever ends
	WhenClosed When = "closed" // no host of the pool takes nodes
)

// Fits tells what Place would answer, without the plan. What it costs grows with the number of hosts and of groups, and not with that of
// nodes. Of a head and one group it misses no plan; of several it may (see solve).
func Fits(hosts []Host, r Request, s Share) bool {
	if s.Refuses(r.vcpus()) != "" {
		return false
	}
	p := newProblem(hosts, r.demands())
	_, ok := p.solve(p.counts())
	return ok
}

// Earliest says when a request can start as far as the ends of leases tell: all nodes or none, within the share. More
// room never makes a request of one group fit worse, so the ends are put in order and searched by halves: its cost grows with
// n log n of the ends and with the hosts, whatever the number of nodes. Of several groups the time may be a later one than the
// first; at the time that is said they fit.
func Earliest(hosts []Host, r Request, s Share, freed []Freed) (When, time.Time) {
	if !slices.ContainsFunc(hosts, Host.Takes) {
		return WhenClosed, time.Time{}
	}
	if Fits(hosts, r, s) {
		return WhenNow, time.Time{}
	}
	if empty, whole := emptied(hosts, s); !Fits(empty, r, whole) {
		if Fits(withUEFI(empty), r, whole) {
			return WhenUnfit, time.Time{}
		}
		return WhenLarger, time.Time{}
	}
	freed = slices.Clone(freed)
	slices.SortFunc(freed, func(a, b Freed) int { return a.At.Compare(b.At) })
	n := sort.Search(len(freed), func(i int) bool {
		after, share := release(hosts, s, freed[:i+1])
		return Fits(after, r, share)
	})
	if n == len(freed) {
		return WhenOpen, time.Time{}
	}
	return WhenAt, freed[n].At
}

// release is what hosts and share are after some ends of leases. Base images stay: others may stand on them, so a launch may come
// earlier than is said, and never later.
func release(hosts []Host, s Share, freed []Freed) ([]Host, Share) {
	after := slices.Clone(hosts)
	at := make(map[uuid.UUID]int, len(after))
	for i, h := range after {
		at[h.ID] = i
	}
	for _, f := range freed {
		i, ok := at[f.HostID]
		if !ok {
			continue
		}
		after[i].Used.VCPUs -= f.VCPUs
		after[i].Used.MemoryMiB -= f.MemoryMiB
		after[i].Used.DiskGiB -= f.DiskGiB
		s.Used -= f.Share
	}
	return after, s
}

// emptied are the hosts and the share with nothing in them.
func emptied(hosts []Host, s Share) ([]Host, Share) {
	empty := slices.Clone(hosts)
	for i := range empty {
		empty[i].Used.VCPUs, empty[i].Used.MemoryMiB, empty[i].Used.DiskGiB, empty[i].Images = 0, 0, 0, nil
	}
	s.Used = 0
	return empty, s
}
