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

func group(name string, size provisioner.Shape, count int) placement.Group {
	return placement.Group{Name: name, Node: placement.Node{Size: size}, Count: count}
}

// Of any groups: a plan keeps within every host, has each node, and is there exactly where Fits says so; what is refused has its reasons.
func TestPlaceGroupsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts := anyHosts(t)
		r := placement.Request{Head: placement.Node{Size: anyShape(t, "head", 1, 6)}}
		for i := range rapid.IntRange(0, 4).Draw(t, "groups") {
			r.Groups = append(r.Groups, group(fmt.Sprint("g", i), anyShape(t, "group", 1, 5), rapid.IntRange(0, 4).Draw(t, "count")))
		}
		p, fits, reason, ok := placement.Place(hosts, r, whole)
		if ok != placement.Fits(hosts, r, whole) || ok != (len(placement.Shortage(hosts, r, whole)) == 0) {
			t.Fatalf("placed %t, fits %t, short %v", ok, placement.Fits(hosts, r, whole), placement.Shortage(hosts, r, whole))
		}
		if !ok {
			wantReasons(t, fits, reason, p)
			return
		}
		used := map[uuid.UUID]provisioner.Shape{p.Head: r.Head.Size}
		at := 0
		for _, g := range r.Groups {
			for _, on := range p.Compute[at : at+g.Count] {
				used[on] = add(used[on], g.Size)
			}
			at += g.Count
		}
		if at != len(p.Compute) || r.Nodes() != at+1 {
			t.Fatalf("%d nodes beside the head are placed, %d are asked for", len(p.Compute), at)
		}
		for _, h := range hosts {
			u, takes := used[h.ID]
			u = add(h.Used, u)
			if takes && (h.State != provisioner.HostActive || u.VCPUs > h.Capacity.VCPUs || u.MemoryMiB > h.Capacity.MemoryMiB || u.DiskGiB > h.Capacity.DiskGiB) {
				t.Fatalf("host %+v is given %+v", h, used[h.ID])
			}
		}
	})
}

// Groups of one size are as one group, of which no plan is missed.
func TestGroupsOfOneSizeAreAsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts, each := anyHosts(t), anyShape(t, "each", 1, 6)
		r := placement.Request{Head: placement.Node{Size: anyShape(t, "head", 1, 6)}}
		sum := 0
		for i := range rapid.IntRange(1, 3).Draw(t, "groups") {
			n := rapid.IntRange(0, 4).Draw(t, "count")
			r.Groups, sum = append(r.Groups, group(fmt.Sprint("g", i), each, n)), sum+n
		}
		if _, _, _, ok := placement.Place(hosts, r, whole); ok != possible(hosts, asked{Head: r.Head.Size, Compute: each, ComputeSize: sum}) {
			t.Fatalf("placed %t, but a plan exists: %t", ok, !ok)
		}
	})
}

// Two nodes of 3 and three of 2 fill two hosts of 6 in one way only, which spreading them misses.
func TestGroupsArePackedWhereTheyDoNotSpread(t *testing.T) {
	hosts := []placement.Host{host(1, shape(6, 99, 99), shape(0, 0, 0)), host(2, shape(6, 99, 99), shape(0, 0, 0)), host(3, shape(1, 99, 99), shape(0, 0, 0))}
	r := placement.Request{
		Head:   placement.Node{Size: shape(1, 1, 1)},
		Groups: []placement.Group{group("two", shape(2, 1, 1), 3), group("three", shape(3, 1, 1), 2)},
	}
	p, _, reason, ok := placement.Place(hosts, r, whole)
	if !ok || p.Head != hosts[2].ID || distinct(p.Compute[:3]) != 1 || distinct(p.Compute[3:]) != 1 || p.Compute[0] == p.Compute[3] {
		t.Errorf("%t %q, %+v", ok, reason, p)
	}
}

func TestPlaceSaysWhyOfGroups(t *testing.T) {
	gpu := group("gpu", shape(4, 1024, 10), 3)
	gpu.Image.UEFI = true
	hosts := []placement.Host{host(1, shape(8, 8192, 100), shape(0, 0, 0)), host(2, shape(8, 8192, 100), shape(7, 0, 0))}
	for i := range hosts {
		hosts[i].UEFI = true
	}
	r := placement.Request{Head: placement.Node{Size: shape(1, 512, 4)}, Groups: []placement.Group{group("compute", shape(1, 512, 4), 2), gpu}}
	_, fits, reason, ok := placement.Place(hosts, r, whole)
	if ok || reason != "3 gpu nodes are asked for, the pool has room for 2" {
		t.Errorf("%t %q", ok, reason)
	}
	for i, want := range []string{
		"has room for 2 of compute (1 vCPU, 0.5 GiB, 4 GiB of disk each); has room for 2 of gpu (4 vCPUs, 1 GiB, 10 GiB of disk each)",
		"has room for 1 of compute (1 vCPU, 0.5 GiB, 4 GiB of disk each); none of gpu: 4 vCPUs are needed, 1 of 8 are free",
	} {
		if fits[i].Reason != want {
			t.Errorf("%q, want %q", fits[i].Reason, want)
		}
	}
	r.Groups[1].Count = 2
	if _, _, reason, ok := placement.Place(hosts, r, whole); ok || reason != "no way was found to put the head (1 vCPU, 0.5 GiB, 4 GiB of disk) and 2 compute nodes and 2 gpu nodes beside one another" {
		t.Errorf("%t %q", ok, reason)
	}
	hosts[1].Used = shape(0, 8192, 0)
	r.Groups[0].Count = 0
	if short := placement.Shortage(hosts, placement.Request{Head: r.Head, Groups: []placement.Group{group("compute", shape(1, 3072, 4), 1), group("gpu", shape(1, 5120, 4), 1)}}, whole); len(short) != 1 ||
		short[0].String() != "memory: 8 of 16 GiB free, 8.5 GiB needed" {
		t.Errorf("%v", short)
	}
	parts := []placement.Host{host(1, shape(8, 4096, 100), shape(0, 0, 0)), host(2, shape(8, 4096, 100), shape(0, 0, 0))}
	short := placement.Shortage(parts, placement.Request{Head: r.Head, Groups: []placement.Group{group("compute", shape(1, 1024, 4), 1), group("gpu", shape(1, 5120, 4), 1)}}, whole)
	if len(short) != 1 || !strings.HasPrefix(short[0].String(), "memory: up to 5 GiB each, room for 2 of 3 nodes") {
		t.Errorf("%v", short)
	}
}
