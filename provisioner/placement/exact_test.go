package placement_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
)

// nodesOf are all nodes of a request, one after the other.
func nodesOf(r placement.Request) (nodes []placement.Node) {
	nodes = append(nodes, r.Head)
	for _, g := range r.Groups {
		nodes = append(nodes, slices.Repeat([]placement.Node{g.Node}, g.Count)...)
	}
	return nodes
}

// allowed tells by the rules alone whether the nodes may be where they are: on holds the host of each by its index.
func allowed(hosts []placement.Host, nodes []placement.Node, on []int) bool {
	for i, h := range hosts {
		used, images, apart, carries := h.Used, maps.Clone(h.Images), slices.Clone(h.Apart), false
		if images == nil {
			images = map[string]int64{}
		}
		for n, at := range on {
			if at != i {
				continue
			}
			node := nodes[n]
			if node.Image.UEFI && !h.UEFI || node.Apart != "" && slices.Contains(apart, node.Apart) {
				return false
			}
			carries, used, apart = true, add(used, node.Size), append(apart, node.Apart)
			if node.Image.Digest != "" {
				images[node.Image.Digest] = node.Image.Bytes
			}
		}
		disk := int64(used.DiskGiB) * gib
		for _, bytes := range images {
			disk += bytes
		}
		if carries && (h.State != provisioner.HostActive || h.Unfit != "" || h.Unwanted != "" || used.VCPUs > h.Capacity.VCPUs ||
			used.MemoryMiB > h.Capacity.MemoryMiB || disk > int64(h.Capacity.DiskGiB)*gib) {
			return false
		}
	}
	return true
}

// exists tries every way to put the nodes on the hosts.
func exists(hosts []placement.Host, nodes []placement.Node, on []int) bool {
	if !allowed(hosts, nodes, on) {
		return false
	}
	if len(on) == len(nodes) {
		return true
	}
	for i := range hosts {
		if exists(hosts, nodes, append(slices.Clone(on), i)) {
			return true
		}
	}
	return false
}

// fewHosts draws up to four hosts that differ in everything that matters.
func fewHosts(t *rapid.T) []placement.Host {
	hosts := make([]placement.Host, rapid.IntRange(1, 4).Draw(t, "hosts"))
	pack, roomy := rapid.Bool().Draw(t, "pack"), rapid.Bool().Draw(t, "roomy")
	for i := range hosts {
		h := host(i+1, anyShape(t, "capacity", 1, 7), anyShape(t, "used", 0, 2))
		h.Pack, h.UEFI, h.Emulated = pack, rapid.Bool().Draw(t, "UEFI"), rapid.Bool().Draw(t, "emulated")
		h.Unwanted = rapid.SampledFrom([]string{"", "", "", "lacks a label"}).Draw(t, "unwanted")
		if roomy { // else there is a plan too seldom
			h.Capacity, h.UEFI, h.Unwanted = anyShape(t, "more", 6, 12), true, ""
		}
		if rapid.Bool().Draw(t, "has an image") {
			h.Images = map[string]int64{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "there"): gib}
		}
		hosts[i] = h
	}
	return hosts
}

// fewNodes draws up to five nodes of up to three shapes.
func fewNodes(t *rapid.T) placement.Request {
	shapes := make([]placement.Node, rapid.IntRange(1, 3).Draw(t, "shapes"))
	for i := range shapes {
		shapes[i] = placement.Node{Size: anyShape(t, "shape", 1, 4), Image: placement.Image{
			Digest: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "image"), Bytes: gib, UEFI: rapid.IntRange(0, 4).Draw(t, "UEFI") == 0,
		}}
	}
	drawn := func() placement.Node { return shapes[rapid.IntRange(0, len(shapes)-1).Draw(t, "of")] }
	r := placement.Request{Head: drawn()}
	for left := 4; left > 0 && len(r.Groups) < 3; {
		g := placement.Group{Name: fmt.Sprint("g", len(r.Groups)), Node: drawn(), Count: rapid.IntRange(0, left).Draw(t, "count")}
		if rapid.IntRange(0, 3).Draw(t, "apart") == 0 {
			g.Apart = g.Name
		}
		r.Groups, left = append(r.Groups, g), left-max(g.Count, 1)
	}
	return r
}

// indexes are the hosts of a plan's nodes, in the order of nodesOf.
func indexes(hosts []placement.Host, p placement.Plan) (on []int) {
	for _, id := range append([]uuid.UUID{p.Head}, p.Compute...) {
		on = append(on, slices.IndexFunc(hosts, func(h placement.Host) bool { return h.ID == id }))
	}
	return on
}

// A plan keeps every rule, and there is one wherever trying all of them finds one: up to 4 hosts, 5 nodes and 3 shapes.
func TestAPlanIsFoundWhereverThereIsOne(t *testing.T) {
	found, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		hosts, r := fewHosts(t), fewNodes(t)
		nodes := nodesOf(r)
		p, fits, reason, ok := placement.Place(hosts, r, whole)
		if ok != exists(hosts, nodes, nil) || ok != placement.Fits(hosts, r, whole) || ok != (len(placement.Shortage(hosts, r, whole)) == 0) {
			t.Fatalf("placed %t (%s), but a plan exists: %t; Fits says %t, short %v", ok, reason, !ok, placement.Fits(hosts, r, whole), placement.Shortage(hosts, r, whole))
		}
		if !ok {
			refused++
			wantReasons(t, fits, reason, p)
			return
		}
		found++
		if on := indexes(hosts, p); len(on) != len(nodes) || slices.Contains(on, -1) || !allowed(hosts, nodes, on) {
			t.Fatalf("%+v is not allowed", p)
		}
		moved := placement.Elsewhere(hosts, nil, nodes)
		if moved == nil || !allowed(hosts, nodes, indexes(hosts, placement.Plan{Head: moved[0], Compute: moved[1:]})) {
			t.Fatalf("beside others: %v", moved)
		}
	})
	if !testing.Short() && (found == 0 || refused == 0) {
		t.Errorf("%d were placed and %d refused", found, refused)
	}
}

// The largest cluster that is named fits; with one group no larger one does, and where none is named the least of each group does not.
func TestTheLargestFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts, r := anyHosts(t), placement.Request{Head: placement.Node{Size: anyShape(t, "head", 1, 4)}}
		for i := range rapid.IntRange(1, 3).Draw(t, "groups") {
			g := group(fmt.Sprint("g", i), anyShape(t, "group", 1, 4), rapid.IntRange(0, 12).Draw(t, "count"))
			g.Least = rapid.IntRange(0, 2).Draw(t, "least")
			r.Groups = append(r.Groups, g)
		}
		share := anyShare(t, hosts)
		with := func(counts []int) placement.Request {
			q := r
			q.Groups = slices.Clone(r.Groups)
			for i := range q.Groups {
				q.Groups[i].Count = counts[i]
			}
			return q
		}
		least := make([]int, len(r.Groups))
		for i, g := range r.Groups {
			least[i] = min(g.Least, g.Count)
		}
		counts, some := placement.Largest(hosts, r, share)
		if some != placement.Fits(hosts, with(least), share) {
			t.Fatalf("named %v, %t", counts, some)
		}
		if !some {
			return
		}
		for i, g := range r.Groups {
			if counts[i] < least[i] || counts[i] > g.Count {
				t.Fatalf("%d of %+v", counts[i], g)
			}
		}
		if _, _, reason, ok := placement.Place(hosts, with(counts), share); !ok {
			t.Fatalf("%v does not fit: %s", counts, reason)
		}
		if len(counts) == 1 && counts[0] < r.Groups[0].Count && placement.Fits(hosts, with([]int{counts[0] + 1}), share) {
			t.Fatalf("one more than %v fits", counts)
		}
	})
}

// The same hosts and request make the same plan, in whatever order the hosts come.
func TestTheSameHostsMakeTheSamePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts, r := fewHosts(t), fewNodes(t)
		p, fits, reason, _ := placement.Place(hosts, r, whole)
		q, others, why, _ := placement.Place(rapid.Permutation(hosts).Draw(t, "order"), r, whole)
		if p.Head != q.Head || !slices.Equal(p.Compute, q.Compute) || !slices.Equal(fits, others) || reason != why {
			t.Fatalf("%+v %s, and then %+v %s", p, reason, q, why)
		}
	})
}
