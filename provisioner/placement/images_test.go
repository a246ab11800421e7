package placement_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
	"volary.dev/provisioner/placement"
)

const gib = 1 << 30

func TestBaseImagesCountInTheDisk(t *testing.T) {
	bare := host(1, shape(8, 8192, 10), shape(0, 0, 0))
	has := bare
	has.Images = map[string]int64{"a": 4 * gib}
	three := asked{Head: shape(1, 1, 3), Compute: shape(1, 1, 3), ComputeSize: 1}
	of := func(digest string, bytes int64) asked {
		r := three
		r.HeadImage, r.ComputeImage = placement.Image{Digest: digest, Bytes: bytes}, placement.Image{Digest: digest, Bytes: bytes}
		return r
	}
	for name, c := range map[string]struct {
		host placement.Host
		r    asked
		why  string // empty: it fits
	}{
		"one copy for both nodes":          {bare, of("a", 4*gib), ""},
		"a byte more than there is":        {bare, of("a", 4*gib+1), "has room for 1 of them (1 vCPU, 0.01 GiB, 3 GiB of disk each)"},
		"the host has it in use":           {has, of("a", 4*gib), ""},
		"the host has another one":         {has, of("b", gib/2), "has room for 1 of them (1 vCPU, 0.01 GiB, 3 GiB of disk each)"},
		"no disk beside what others use":   {has, of("b", 5*gib/2+gib), "3 GiB of disk and 3.5 GiB for the base image are needed, 6 of 10 GiB are free"},
		"which image is not known":         {has, three, ""},
		"an image that fills it to a byte": {has, of("c", 3*gib+1), "3 GiB of disk and 3.01 GiB for the base image are needed, 6 of 10 GiB are free"},
	} {
		_, fits, _, ok := placement.Place([]placement.Host{c.host}, c.r.request(), whole)
		if ok != (c.why == "") || !ok && fits[0].Reason != c.why {
			t.Errorf("%s: placed %t, %q; want %q", name, ok, fits[0].Reason, c.why)
		}
		if fit := placement.Fits([]placement.Host{c.host}, c.r.request(), whole); fit != ok {
			t.Errorf("%s: Fits says %t, Place %t", name, fit, ok)
		}
	}
	if len(has.Images) != 1 {
		t.Errorf("placing changed what a host is said to have: %v", has.Images)
	}
}

func TestShortageNamesTheBaseImage(t *testing.T) {
	hosts := []placement.Host{host(1, shape(8, 8, 10), shape(0, 0, 0)), host(2, shape(8, 8, 10), shape(0, 0, 0))}
	image := placement.Image{Digest: "a", Bytes: 5*gib + 1}
	r := asked{Head: shape(1, 1, 5), HeadImage: image, Compute: shape(1, 1, 5), ComputeImage: image, ComputeSize: 1}
	short := placement.Shortage(hosts, r.request(), whole)
	const want = "disk: 5 GiB each beside a base image of 5.01 GiB on each host, room for 0 of 2 nodes (20 GiB in all)"
	if len(short) != 1 || short[0].String() != want {
		t.Errorf("%v, want %q", short, want)
	}
	if short := placement.ShortageEmpty(hosts, r.request(), whole); len(short) != 1 {
		t.Errorf("with nothing on the hosts: %v", short)
	}
}

func TestElsewhereBringsTheImage(t *testing.T) {
	hosts := []placement.Host{host(1, shape(8, 8, 10), shape(0, 0, 0)), host(2, shape(8, 8, 10), shape(0, 0, 0))}
	hosts[1].Images = map[string]int64{"a": 6 * gib}
	node := placement.Node{Size: shape(1, 1, 4), Image: placement.Image{Digest: "a", Bytes: 7 * gib}}
	if to := placement.Elsewhere(hosts, nil, []placement.Node{node}); len(to) != 1 || to[0] != hosts[1].ID {
		t.Errorf("placed on %v, want the host that has the image", to)
	}
	if to := placement.Elsewhere(hosts, nil, []placement.Node{node, node}); to != nil {
		t.Errorf("two placed on %v although one disk fits", to)
	}
}

// A plan keeps nodes and each base image once within every disk, and there is one wherever filling hosts by hand finds one.
func TestPlaceWithImagesProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		image := func(name string) placement.Image {
			return placement.Image{
				Digest: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, name), Bytes: int64(rapid.IntRange(0, 3*gib).Draw(t, name+" bytes")),
			}
		}
		var hosts []placement.Host
		for i := range rapid.IntRange(1, 4).Draw(t, "hosts") {
			h := host(i+1, shape(99, 99, rapid.IntRange(0, 12).Draw(t, "disk")), shape(0, 0, 0))
			if rapid.Bool().Draw(t, "has one") {
				i := image("there")
				h.Images = map[string]int64{i.Digest: i.Bytes}
			}
			hosts = append(hosts, h)
		}
		r := asked{
			Head: shape(1, 1, rapid.IntRange(1, 4).Draw(t, "head")), Compute: shape(1, 1, rapid.IntRange(1, 4).Draw(t, "compute")),
			ComputeSize: rapid.IntRange(0, 6).Draw(t, "compute nodes"), HeadImage: image("of head"), ComputeImage: image("of compute"),
		}
		if r.HeadImage.Digest == r.ComputeImage.Digest {
			r.ComputeImage = r.HeadImage
		}
		p, _, reason, ok := placement.Place(hosts, r.request(), whole)
		if ok != placement.Fits(hosts, r.request(), whole) || ok != (len(placement.Shortage(hosts, r.request(), whole)) == 0) || ok == (reason != "") {
			t.Fatalf("placed %t, %q, fits %t, short %v", ok, reason, placement.Fits(hosts, r.request(), whole), placement.Shortage(hosts, r.request(), whole))
		}
		if !ok {
			return
		}
		for _, h := range hosts {
			images, disk := maps.Clone(h.Images), int64(0)
			if images == nil {
				images = map[string]int64{}
			}
			put := func(on uuid.UUID, gibs int, i placement.Image) {
				if on == h.ID {
					disk += int64(gibs) * gib
					if _, there := images[i.Digest]; !there {
						images[i.Digest] = i.Bytes
					}
				}
			}
			put(p.Head, r.Head.DiskGiB, r.HeadImage)
			for _, on := range p.Compute {
				put(on, r.Compute.DiskGiB, r.ComputeImage)
			}
			nodes := disk
			for _, bytes := range images {
				disk += bytes
			}
			if nodes > 0 && disk > int64(h.Capacity.DiskGiB)*gib {
				t.Fatalf("%s of %d GiB is given %d bytes", h.Name, h.Capacity.DiskGiB, disk)
			}
		}
	})
}

// A node that is started again has its disk and its image: what both take beyond the host's disk does not keep it from starting.
func TestAFullDiskTakesWhatIsThere(t *testing.T) {
	h := host(1, shape(8, 8, 10), shape(1, 1, 10))
	h.Images = map[string]int64{"a": 1}
	if why := h.Lacks(shape(1, 1, 0), false); why != "" {
		t.Errorf("its own node is refused: %q", why)
	}
	if why := h.Lacks(shape(1, 1, 1), false); !strings.Contains(why, "1 GiB of disk are needed, 0 of 10 GiB are free") {
		t.Errorf("%q", why)
	}
}

func TestKeptFreeIsSaidInWholeGiB(t *testing.T) {
	h := host(1, shape(8, 8, 10), shape(0, 0, 2))
	h.Images = map[string]int64{"a": 1}
	if why := h.Lacks(shape(1, 1, 8), false); !strings.Contains(why, "8 GiB of disk are needed, 7 of 10 GiB are free") {
		t.Errorf("%q", why)
	}
}
