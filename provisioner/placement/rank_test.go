package placement_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner/placement"
)

// TestWhichHostIsTaken: what comes first in the rank decides, whatever comes after it.
func TestWhichHostIsTaken(t *testing.T) {
	image := placement.Image{Digest: "a", Bytes: gib}
	node := placement.Node{Size: shape(2, 2048, 4), Image: image}
	empty, half := shape(0, 0, 0), shape(8, 8192, 40)
	size := shape(16, 16384, 100)
	for name, c := range map[string]struct {
		change func(first, second *placement.Host) // of two hosts that are alike
		second bool                                // is taken
	}{
		"alike: the first by name":           {func(_, _ *placement.Host) {}, false},
		"spread: the emptier one":            {func(a, _ *placement.Host) { a.Used = half }, true},
		"spread: the one that has the image": {func(_, b *placement.Host) { b.Images = map[string]int64{"a": gib} }, true},
		"spread: memory and CPU in balance":  {func(a, b *placement.Host) { a.Used, b.Used = shape(4, 512, 0), shape(4, 4096, 0) }, true},
		"pack: the one that carries nodes":   {func(a, b *placement.Host) { a.Pack, b.Pack, b.Used = true, true, shape(1, 64, 1) }, true},
		"pack: the fuller one":               {func(a, b *placement.Host) { a.Pack, b.Pack, a.Used, b.Used = true, true, shape(1, 64, 1), half }, true},
		"pack: an empty one that has the image": {func(a, b *placement.Host) {
			a.Pack, b.Pack, a.Used, b.Images = true, true, half, map[string]int64{"a": gib}
		}, false},
		"pack: of two busy ones that has it": {func(a, b *placement.Host) {
			a.Pack, b.Pack, a.Used, b.Used, b.Images = true, true, half, shape(1, 64, 1), map[string]int64{"a": gib}
		}, true},
		"KVM before emulation, however full":      {func(a, b *placement.Host) { a.Emulated, b.Used = true, shape(14, 14336, 90) }, true},
		"emulation where no other host has room":  {func(a, b *placement.Host) { a.Used, b.Emulated = size, true }, true},
		"a host without the labels takes no node": {func(a, _ *placement.Host) { a.Unwanted = "has not what its pool wants of a host: disk=ssd" }, true},
	} {
		hosts := []placement.Host{host(1, size, empty), host(2, size, empty)}
		c.change(&hosts[0], &hosts[1])
		p, _, reason, ok := placement.Place(hosts, placement.Request{Head: node}, whole)
		if !ok || (p.Head == hosts[1].ID) != c.second {
			t.Errorf("%s: %t %s, on %s", name, ok, reason, p.Head)
		}
	}
}

// A pool that packs takes as few hosts as it can, one that spreads as many as there are.
func TestPackAndSpread(t *testing.T) {
	for _, c := range []struct {
		pack  bool
		hosts int
	}{{true, 2}, {false, 8}} {
		var hosts []placement.Host
		for n := range 8 {
			h := host(n+1, shape(8, 8192, 100), shape(0, 0, 0))
			h.Pack = c.pack
			hosts = append(hosts, h)
		}
		p, _, _, ok := placement.Place(hosts, asked{Head: shape(1, 512, 4), Compute: shape(1, 512, 4), ComputeSize: 15}.request(), whole)
		if on := distinct(append(p.Compute, p.Head)); !ok || on != c.hosts {
			t.Errorf("pack %t: %t, on %d hosts", c.pack, ok, on)
		}
	}
}

// Nodes that are to be apart share no host, and where there are too few hosts it is said with their numbers.
func TestApart(t *testing.T) {
	var hosts []placement.Host
	for n := range 3 {
		h := host(n+1, shape(8, 8192, 100), shape(0, 0, 0))
		h.Pack = true
		hosts = append(hosts, h)
	}
	db := group("db", shape(1, 512, 4), 3)
	db.Apart = "db"
	r := placement.Request{Head: placement.Node{Size: shape(1, 512, 4)}, Groups: []placement.Group{group("compute", shape(1, 512, 4), 4), db}}
	p, _, _, ok := placement.Place(hosts, r, whole)
	if !ok || distinct(p.Compute[4:]) != 3 {
		t.Fatalf("%t %+v", ok, p)
	}
	r.Groups[1].Count = 4
	_, fits, reason, ok := placement.Place(hosts, r, whole)
	if want := "4 db nodes are asked for, each on a host of its own, and 3 hosts have room for one"; ok || reason != want {
		t.Errorf("%t %q, want %q", ok, reason, want)
	}
	if want := "has room for 4 of compute (1 vCPU, 0.5 GiB, 4 GiB of disk each); has room for 1 of db (1 vCPU, 0.5 GiB, 4 GiB of disk each)"; fits[0].Reason != want {
		t.Errorf("%q, want %q", fits[0].Reason, want)
	}
	short := placement.Shortage(hosts, r, whole)
	if want := "hosts: 3 of 3 hosts have room for a node that needs one of its own, 4 needed"; len(short) != 1 || short[0].String() != want {
		t.Errorf("%v, want %q", short, want)
	}
	if counts, some := placement.Largest(hosts, r, whole); !some || counts[1] != 3 || r.Words(counts) != "the head and 4 compute nodes and 3 db nodes" {
		t.Errorf("the largest: %v", counts)
	}

	hosts[0].Apart, hosts[1].Apart = []string{"db"}, []string{"compute"}
	two := []placement.Node{db.Node, db.Node}
	if to := placement.Elsewhere(hosts, map[uuid.UUID]int{hosts[0].ID: 1}, two); len(to) != 2 || distinct(to) != 2 || to[0] == hosts[0].ID || to[1] == hosts[0].ID {
		t.Errorf("beside a node of theirs: %v", to)
	}
	if to := placement.Elsewhere(hosts, nil, append(two, db.Node)); to != nil {
		t.Errorf("three on two hosts: %v", to)
	}
}

// A host says why it takes no nodes although staff want it active.
func TestUnwantedHosts(t *testing.T) {
	h := host(1, shape(8, 8192, 100), shape(0, 0, 0))
	h.Unwanted = "has not what its pool wants of a host: disk=ssd"
	_, fits, _, ok := placement.Place([]placement.Host{h}, placement.Request{Head: placement.Node{Size: shape(1, 1, 1)}}, whole)
	if ok || fits[0].Reason != h.Unwanted || h.Takes() {
		t.Errorf("%t %+v", ok, fits)
	}
}

// fullHosts are hosts without room, and one with little.
func fullHosts(n int) (hosts []placement.Host) {
	for i := range n {
		h := host(0, shape(32, 65536, 1000), shape(32, 65536, 100))
		h.ID, h.Name = uuid.UUID{14: byte(i >> 8), 15: byte(i)}, fmt.Sprintf("host-%04d", i)
		hosts = append(hosts, h)
	}
	return hosts
}

// BenchmarkRefusal is what it takes to refuse a launch of 128 nodes on 1,250 full hosts, with every reason and the largest that would fit.
func BenchmarkRefusal(b *testing.B) {
	hosts := fullHosts(1250)
	r := placement.Request{Head: placement.Node{Size: shape(1, 512, 4)}, Groups: []placement.Group{group("compute", shape(1, 512, 4), 64), group("gpu", shape(4, 4096, 40), 63)}}
	for b.Loop() {
		if _, fits, reason, ok := placement.Place(hosts, r, whole); ok || len(fits) != len(hosts) || !strings.Contains(reason, "room for 0") {
			b.Fatal(reason)
		}
		if _, some := placement.Largest(hosts, r, whole); some || len(placement.Shortage(hosts, r, whole)) == 0 {
			b.Fatal("it fits")
		}
	}
}
