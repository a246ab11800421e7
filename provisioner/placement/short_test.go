package placement_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
)

func TestShortageNamesTheResourceWithItsNumbers(t *testing.T) {
	cordoned := placement.Host{Name: "c", State: provisioner.HostCordoned, Capacity: provisioner.Shape{VCPUs: 99, MemoryMiB: 99 << 10, DiskGiB: 99}}
	size := func(vcpus, gib, disk int) provisioner.Shape {
		return provisioner.Shape{VCPUs: vcpus, MemoryMiB: gib << 10, DiskGiB: disk}
	}
	for name, c := range map[string]struct {
		hosts []placement.Host
		each  provisioner.Shape
		nodes int
		share placement.Share
		want  []string
	}{
		"it fits":         {[]placement.Host{host(1, size(8, 8, 100), size(0, 2, 0))}, size(1, 2, 10), 3, placement.Share{VCPUs: 8}, nil},
		"memory":          {[]placement.Host{host(1, size(8, 8, 100), size(0, 2, 0))}, size(1, 4, 10), 2, placement.Share{VCPUs: 8}, []string{"memory: 6 of 8 GiB free, 8 GiB needed"}},
		"part of a GiB":   {[]placement.Host{host(1, provisioner.Shape{VCPUs: 8, MemoryMiB: 8191, DiskGiB: 100}, provisioner.Shape{MemoryMiB: 1})}, provisioner.Shape{VCPUs: 1, MemoryMiB: 8191, DiskGiB: 1}, 1, placement.Share{VCPUs: 8}, []string{"memory: 7.99 of 7.99 GiB free, 8 GiB needed"}},
		"vCPUs and disk":  {[]placement.Host{host(1, size(8, 8, 100), size(6, 0, 50))}, size(2, 1, 30), 2, placement.Share{VCPUs: 8, Used: 6}, []string{"vCPUs: 2 of 8 free, 4 needed", "disk: 50 of 100 GiB free, 60 GiB needed"}},
		"the share":       {[]placement.Host{host(1, size(8, 8, 100), size(0, 0, 0))}, size(1, 1, 1), 5, placement.Share{VCPUs: 4}, []string{"vCPUs: 4 in all, 5 needed"}},
		"memory in parts": {[]placement.Host{host(1, size(8, 8, 100), size(0, 5, 0)), host(2, size(8, 8, 100), size(0, 5, 0))}, size(1, 2, 1), 3, placement.Share{VCPUs: 16}, []string{"memory: 2 GiB each, room for 2 of 3 nodes (6 of 16 GiB free)"}},
		"not together":    {[]placement.Host{host(1, size(8, 8, 100), size(8, 0, 0)), host(2, size(8, 8, 100), size(0, 8, 0))}, size(1, 1, 1), 2, placement.Share{VCPUs: 16}, []string{"hosts: none has vCPUs, memory and disk together for more than 0 of 2 nodes"}},
		"no host":         {[]placement.Host{cordoned}, size(1, 1, 1), 1, placement.Share{VCPUs: 16}, []string{"hosts: 0 of 1 take nodes now"}},
	} {
		r := asked{Head: c.each, Compute: c.each, ComputeSize: c.nodes - 1}
		var got []string
		for _, s := range placement.Shortage(c.hosts, r.request(), c.share) {
			got = append(got, s.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestShortageOfWhatIsNoPartOfAHost(t *testing.T) {
	for want, s := range map[string]placement.Short{
		"nodes: at most 244 here, 300 asked for":         {Resource: placement.ResourceNodes, Need: 300, Of: 244},
		"networks: 0 of 1 free":                          {Resource: placement.ResourceNetworks, Of: 1},
		"lease: at most 12 h here, 24.5 h asked for":     {Resource: placement.ResourceLease, Need: 24*3600 + 1800, Of: 12 * 3600},
		"memory: 7 GiB in all, 1\u202f000.01 GiB needed": {Resource: placement.ResourceMemory, Need: 1000<<10 + 1, Free: 7 << 10, Of: 7 << 10},
	} {
		if got := s.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Something is short where it does not fit, and nothing where it does.
func TestShortageIsOfWhatDoesNotFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := func(most int) provisioner.Shape {
			return provisioner.Shape{
				VCPUs: rapid.IntRange(0, most).Draw(t, "vCPUs"), MemoryMiB: rapid.IntRange(0, most).Draw(t, "MiB"), DiskGiB: rapid.IntRange(0, most).Draw(t, "GiB"),
			}
		}
		var hosts []placement.Host
		for i := range rapid.IntRange(0, 4).Draw(t, "hosts") {
			hosts = append(hosts, host(i, size(8), size(8)))
		}
		r := asked{Head: size(4), Compute: size(4), ComputeSize: rapid.IntRange(0, 6).Draw(t, "compute nodes")}
		share := placement.Share{VCPUs: rapid.IntRange(0, 32).Draw(t, "share"), Used: rapid.IntRange(0, 8).Draw(t, "used")}
		short := placement.Shortage(hosts, r.request(), share)
		if fits := placement.Fits(hosts, r.request(), share); fits == (len(short) > 0) {
			t.Fatalf("fits: %t, short: %v", fits, short)
		}
		for _, s := range short {
			if s.Nodes > 0 && s.Room >= s.Nodes || s.Nodes == 0 && s.Resource != placement.ResourceHosts && s.Need <= s.Free {
				t.Fatalf("%+v is not short", s)
			}
		}
	})
}
