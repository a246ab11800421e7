package placement_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
)

var whole = placement.Share{VCPUs: 1 << 60}

// asked is a request for a head and one group.
type asked struct {
	Head, Compute           provisioner.Shape
	ComputeSize             int
	HeadImage, ComputeImage placement.Image
}

func (a asked) request() placement.Request {
	return placement.Request{
		Head:   placement.Node{Size: a.Head, Image: a.HeadImage},
		Groups: []placement.Group{{Name: "compute", Node: placement.Node{Size: a.Compute, Image: a.ComputeImage}, Count: a.ComputeSize}},
	}
}

func shape(vcpus, memory, disk int) provisioner.Shape {
	return provisioner.Shape{VCPUs: vcpus, MemoryMiB: memory, DiskGiB: disk}
}

func host(n int, capacity, used provisioner.Shape) placement.Host {
	return placement.Host{
		ID: uuid.UUID{15: byte(n)}, Name: fmt.Sprintf("host-%d", n), State: provisioner.HostActive, Capacity: capacity, Used: used,
	}
}

func TestPlaceSpreadsComputeNodes(t *testing.T) {
	eight := shape(8, 8192, 100)
	hosts := []placement.Host{host(1, eight, shape(0, 0, 0)), host(2, eight, shape(0, 0, 0)), host(3, eight, shape(0, 0, 0))}
	p, fits, _, ok := placement.Place(hosts, asked{Head: shape(1, 512, 4), Compute: shape(1, 512, 4), ComputeSize: 3}.request(), whole)
	if !ok {
		t.Fatalf("refused: %+v", fits)
	}
	if on := distinct(p.Compute); on != 3 {
		t.Errorf("three compute nodes are on %d hosts", on)
	}
	for _, f := range fits {
		if !f.Fits || !strings.HasPrefix(f.Reason, fmt.Sprintf("takes %d node", f.Takes)) || !strings.Contains(f.Reason, fmt.Sprintf("; %d of 8 vCPUs", 8-f.Takes)) {
			t.Errorf("fit %+v", f)
		}
	}
}

func distinct(ids []uuid.UUID) int {
	set := map[uuid.UUID]bool{}
	for _, id := range ids {
		set[id] = true
	}
	return len(set)
}

// unseen are the hosts, of which no check has looked at the last n for UEFI firmware.
func unseen(all []placement.Host, n int) []placement.Host {
	for i := range n {
		all[len(all)-1-i].Unseen = true
	}
	return all
}

// TestPlaceAsksForUEFI: nodes whose image only UEFI starts go to hosts that have it, the others anywhere; what is refused is said with its numbers.
func TestPlaceAsksForUEFI(t *testing.T) {
	one, image := shape(2, 1024, 10), placement.Image{Digest: "u", Bytes: 1, UEFI: true}
	hosts := func(with int) (all []placement.Host) {
		for n := range 5 {
			h := host(n+1, shape(8, 8192, 100), shape(0, 0, 0))
			h.UEFI = n < with
			all = append(all, h)
		}
		return all
	}
	for name, c := range map[string]struct {
		hosts []placement.Host
		r     asked
		want  string // reason; empty: placed
		short string
		when  placement.When
	}{
		"all on those that have it": {hosts(2), asked{Head: one, Compute: one, ComputeSize: 7, HeadImage: image, ComputeImage: image}, "", "", placement.WhenNow},
		"the head alone":            {hosts(1), asked{Head: one, Compute: one, ComputeSize: 19, HeadImage: image}, "", "", placement.WhenNow},
		"more than those take": {
			hosts(2),
			asked{Head: one, Compute: one, ComputeSize: 8, HeadImage: image, ComputeImage: image},
			"2 of 5 hosts that take nodes have UEFI firmware (OVMF), which the image needs: no room there for all its nodes",
			"UEFI: 2 of 5 hosts that take nodes have UEFI firmware (OVMF), which the image needs: no room there for all its nodes", placement.WhenUnfit,
		},
		"none was looked at": {
			unseen(hosts(0), 5),
			asked{Head: one, HeadImage: image},
			"none of the 5 hosts that take nodes is known to have UEFI firmware (OVMF), which the image needs; their provider's checks have not looked for it on 5 of them yet",
			"UEFI: none of the 5 hosts that take nodes is known to have UEFI firmware (OVMF), which the image needs; their provider's checks have not looked for it on 5 of them yet", placement.WhenUnfit,
		},
		"the one was not looked at": {
			unseen(hosts(0)[:1], 1),
			asked{Head: one, HeadImage: image},
			"the check of the one host that takes nodes has not looked for UEFI firmware (OVMF) yet, which the image needs",
			"UEFI: the check of the one host that takes nodes has not looked for UEFI firmware (OVMF) yet, which the image needs", placement.WhenUnfit,
		},
		"more than those take, and one was not looked at": {
			unseen(hosts(2), 1),
			asked{Head: one, Compute: one, ComputeSize: 8, HeadImage: image, ComputeImage: image},
			"2 of 5 hosts that take nodes have UEFI firmware (OVMF), which the image needs: no room there for all its nodes; their provider's checks have not looked for it on 1 of them yet",
			"UEFI: 2 of 5 hosts that take nodes have UEFI firmware (OVMF), which the image needs: no room there for all its nodes; their provider's checks have not looked for it on 1 of them yet", placement.WhenUnfit,
		},
		"none has it": {
			hosts(0),
			asked{Head: one, Compute: one, ComputeSize: 1, ComputeImage: image},
			"none of the 5 hosts that take nodes has UEFI firmware (OVMF), which the image needs",
			"UEFI: none of the 5 hosts that take nodes has UEFI firmware (OVMF), which the image needs", placement.WhenUnfit,
		},
		"the one has not": {
			hosts(0)[:1],
			asked{Head: one, HeadImage: image},
			"the one host that takes nodes has no UEFI firmware (OVMF), which the image needs",
			"UEFI: the one host that takes nodes has no UEFI firmware (OVMF), which the image needs", placement.WhenUnfit,
		},
		"none has it, nor room": {
			hosts(0),
			asked{Head: one, Compute: one, ComputeSize: 20, HeadImage: image, ComputeImage: image},
			"none of the 5 hosts that take nodes has UEFI firmware (OVMF), which the image needs",
			"UEFI: none of the 5 hosts that take nodes has UEFI firmware (OVMF), which the image needs; vCPUs: 40 in all, 42 needed", placement.WhenLarger,
		},
		"too large with it": {
			hosts(2),
			asked{Head: one, Compute: one, ComputeSize: 20, HeadImage: image, ComputeImage: image},
			"20 compute nodes are asked for, the pool has room for 8", "vCPUs: 40 in all, 42 needed", placement.WhenLarger,
		},
	} {
		p, fits, reason, ok := placement.Place(c.hosts, c.r.request(), whole)
		if ok != (c.want == "") || reason != c.want {
			t.Errorf("%s: %v %q, want %q", name, ok, reason, c.want)
		}
		has := map[uuid.UUID]bool{}
		for i, h := range c.hosts {
			has[h.ID] = h.UEFI
			why := "it has no UEFI firmware (OVMF), which the image needs"
			if h.Unseen {
				why = "its check has not looked for UEFI firmware (OVMF) yet, which the image needs"
			}
			if !ok && c.r.ComputeImage.UEFI && !h.UEFI && fits[i].Reason != why {
				t.Errorf("%s: %+v", name, fits[i])
			}
		}
		for _, on := range append([]uuid.UUID{p.Head}, p.Compute...) {
			if ok && !has[on] && (c.r.ComputeImage.UEFI || on == p.Head) {
				t.Errorf("%s: a node is on a host without UEFI firmware", name)
			}
		}
		var short []string
		for _, s := range placement.Shortage(c.hosts, c.r.request(), whole) {
			short = append(short, s.String())
		}
		if when, _ := placement.Earliest(c.hosts, c.r.request(), whole, nil); strings.Join(short, "; ") != c.short || when != c.when {
			t.Errorf("%s: %q %s, want %q %s", name, short, when, c.short, c.when)
		}
	}
	moved := placement.Elsewhere(hosts(2), map[uuid.UUID]int{hosts(2)[0].ID: 3}, []placement.Node{{Size: one, Image: image}, {Size: one, Image: image}})
	if len(moved) != 2 || moved[0] != hosts(2)[1].ID || placement.Elsewhere(hosts(0), nil, []placement.Node{{Size: one, Image: image}}) != nil {
		t.Errorf("placed elsewhere on %v", moved)
	}
}

func TestPlaceSaysWhy(t *testing.T) {
	one := shape(4, 1024, 10)
	down := host(2, shape(8, 8192, 100), shape(0, 0, 0))
	down.Unfit = "not checked yet"
	cordoned := host(3, shape(8, 8192, 100), shape(0, 0, 0))
	cordoned.State = provisioner.HostCordoned
	hosts := []placement.Host{host(1, shape(8, 8192, 100), shape(6, 0, 0)), down, cordoned, host(4, shape(8, 8192, 100), shape(0, 0, 0))}
	_, fits, reason, ok := placement.Place(hosts, asked{Head: one, Compute: one, ComputeSize: 2}.request(), whole)
	if ok {
		t.Fatal("placed")
	}
	for i, want := range []string{
		"4 vCPUs are needed, 2 of 8 are free", "not checked yet", "cordoned", "has room for 2 of them (4 vCPUs, 1 GiB, 10 GiB of disk each)",
	} {
		if fits[i].Reason != want {
			t.Errorf("%s: %q, want %q", fits[i].Name, fits[i].Reason, want)
		}
	}
	if !strings.Contains(reason, "no host has room for the head") {
		t.Errorf("reason %q", reason)
	}
	_, _, reason, ok = placement.Place(hosts, asked{Head: one, Compute: one, ComputeSize: 1 << 30}.request(), whole)
	if ok || !strings.Contains(reason, "the pool has room for 2") {
		t.Errorf("an enormous count: %v %q", ok, reason)
	}
	_, _, reason, ok = placement.Place(nil, asked{Head: one}.request(), whole)
	if ok || reason != "the pool has no hosts" {
		t.Errorf("no hosts: %v %q", ok, reason)
	}
}

func TestPlaceKeepsTheShares(t *testing.T) {
	hosts := []placement.Host{host(1, shape(8, 8192, 100), shape(0, 0, 0))}
	r := asked{Head: shape(1, 64, 1), Compute: shape(1, 64, 1), ComputeSize: 2}
	_, fits, reason, ok := placement.Place(hosts, r.request(), placement.Share{VCPUs: 4, Used: 2, Test: true})
	if ok || reason != "3 vCPUs are needed, 2 of the pool's 4 set aside for acceptance tests are free" || len(fits) != 1 {
		t.Errorf("%v %q %+v", ok, reason, fits)
	}
	if _, _, _, ok = placement.Place(hosts, r.request(), placement.Share{VCPUs: 4, Used: 1, Test: true}); !ok {
		t.Error("refused although the share suffices")
	}
}

// room counts by brute force how many nodes of a shape a host takes.
func room(h placement.Host, s provisioner.Shape) int {
	if h.State != provisioner.HostActive {
		return 0
	}
	n := 0
	for h.Used.VCPUs+s.VCPUs*(n+1) <= h.Capacity.VCPUs && h.Used.MemoryMiB+s.MemoryMiB*(n+1) <= h.Capacity.MemoryMiB &&
		h.Used.DiskGiB+s.DiskGiB*(n+1) <= h.Capacity.DiskGiB {
		n++
	}
	return n
}

// possible tells by brute force whether any plan exists.
func possible(hosts []placement.Host, r asked) bool {
	for i := range hosts {
		if room(hosts[i], r.Head) == 0 {
			continue
		}
		sum := 0
		for j, h := range hosts {
			if i == j {
				h.Used = add(h.Used, r.Head)
			}
			sum += room(h, r.Compute)
		}
		if sum >= r.ComputeSize {
			return true
		}
	}
	return false
}

func add(a, b provisioner.Shape) provisioner.Shape {
	return shape(a.VCPUs+b.VCPUs, a.MemoryMiB+b.MemoryMiB, a.DiskGiB+b.DiskGiB)
}

func anyShape(t *rapid.T, name string, least, most int) provisioner.Shape {
	return shape(rapid.IntRange(least, most).Draw(t, name+" vcpus"), rapid.IntRange(least, most).Draw(t, name+" memory"),
		rapid.IntRange(least, most).Draw(t, name+" disk"))
}

func anyHosts(t *rapid.T) []placement.Host {
	states := []provisioner.HostState{provisioner.HostActive, provisioner.HostActive, provisioner.HostActive, provisioner.HostCordoned, provisioner.HostDraining}
	hosts := make([]placement.Host, rapid.IntRange(0, 6).Draw(t, "hosts"))
	for i := range hosts {
		hosts[i] = host(i+1, anyShape(t, "capacity", 0, 16), anyShape(t, "used", 0, 8))
		hosts[i].State = rapid.SampledFrom(states).Draw(t, "state")
	}
	return hosts
}

func TestPlaceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts := anyHosts(t)
		r := asked{
			Head: anyShape(t, "head", 1, 6), Compute: anyShape(t, "compute", 1, 6), ComputeSize: rapid.IntRange(0, 12).Draw(t, "compute nodes"),
		}
		p, fits, reason, ok := placement.Place(hosts, r.request(), whole)
		if ok != possible(hosts, r) {
			t.Fatalf("ok = %v, but a plan exists: %v", ok, !ok)
		}
		if len(fits) != len(hosts) {
			t.Fatalf("%d fits for %d hosts", len(fits), len(hosts))
		}
		if !ok {
			wantReasons(t, fits, reason, p)
			return
		}
		wantWithinCapacity(t, hosts, r, p)
	})
}

func wantReasons(t *rapid.T, fits []placement.HostFit, reason string, p placement.Plan) {
	if p.Head != uuid.Nil || len(p.Compute) > 0 || reason == "" {
		t.Fatalf("refused, yet %+v, %q", p, reason)
	}
	for _, f := range fits {
		if f.Reason == "" {
			t.Fatalf("no reason for %+v", f)
		}
	}
}

func wantWithinCapacity(t *rapid.T, hosts []placement.Host, r asked, p placement.Plan) {
	if len(p.Compute) != r.ComputeSize {
		t.Fatalf("%d of %d compute nodes are placed", len(p.Compute), r.ComputeSize)
	}
	used, counts := map[uuid.UUID]provisioner.Shape{}, map[uuid.UUID]int{}
	used[p.Head] = r.Head
	for _, id := range p.Compute {
		used[id] = add(used[id], r.Compute)
		counts[id]++
	}
	for _, h := range hosts {
		u := add(h.Used, used[h.ID])
		if _, takes := used[h.ID]; takes && (h.State != provisioner.HostActive || u.VCPUs > h.Capacity.VCPUs || u.MemoryMiB > h.Capacity.MemoryMiB || u.DiskGiB > h.Capacity.DiskGiB) {
			t.Fatalf("host %+v is given %+v", h, used[h.ID])
		}
	}
	wantSpread(t, hosts, r, used, counts)
}

// wantSpread: no host carries two more compute nodes than one that still had room.
func wantSpread(t *rapid.T, hosts []placement.Host, r asked, used map[uuid.UUID]provisioner.Shape, counts map[uuid.UUID]int) {
	for _, a := range hosts {
		full := a
		full.Used = add(full.Used, used[a.ID])
		if room(full, r.Compute) == 0 {
			continue
		}
		for _, b := range hosts {
			if counts[b.ID] > counts[a.ID]+1 {
				t.Fatalf("%s carries %d, %s only %d and has room", b.Name, counts[b.ID], a.Name, counts[a.ID])
			}
		}
	}
}
