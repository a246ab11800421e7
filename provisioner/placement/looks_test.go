package placement

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// looks counts how often an answer about a head and two groups looks at a host; free is what each of the hosts has of 32 vCPUs. A node of
// the first group has 2 of them, as the head, and one of the second 3.
func looks(t *testing.T, hostCount, twos, threes, free int, fits bool) int {
	t.Helper()
	var hosts []Host
	for i := range hostCount {
		hosts = append(hosts, Host{
			ID: uuid.UUID{14: byte(i >> 8), 15: byte(i)}, Name: fmt.Sprintf("host-%04d", i), State: provisioner.HostActive,
			Capacity: provisioner.Shape{VCPUs: 32, MemoryMiB: 65536, DiskGiB: 1000}, Used: provisioner.Shape{VCPUs: 32 - free},
		})
	}
	two, three := Node{Size: provisioner.Shape{VCPUs: 2, MemoryMiB: 512, DiskGiB: 4}}, Node{Size: provisioner.Shape{VCPUs: 3, MemoryMiB: 1024, DiskGiB: 8}}
	r := Request{Head: two, Groups: []Group{{Name: "two", Node: two, Count: twos}, {Name: "three", Node: three, Count: threes}}}
	p := newProblem(hosts, r.demands())
	if _, ok := p.place(true); ok != fits {
		t.Fatalf("%d and %d nodes on %d hosts with %d free vCPUs: placed %t", twos, threes, hostCount, free, ok)
	}
	return p.looked
}

// TestARefusalLooksAtEachHostAFewTimes: once where hosts are full, and a few times at the worst, where as much is free as is needed and
// lies in parts that are too small; whatever the number of nodes.
func TestARefusalLooksAtEachHostAFewTimes(t *testing.T) {
	for _, nodes := range []int{10, 1000} {
		if n := looks(t, 1250, nodes, nodes, 0, false); n > 1250 {
			t.Errorf("1,250 full hosts are looked at %d times for %d nodes", n, 2*nodes)
		}
	}
	for _, hosts := range []int{100, 1250} {
		if n := looks(t, hosts, hosts, hosts/2, 4, false); n <= 2*hosts || n > 20*hosts {
			t.Errorf("%d hosts with too small parts free are looked at %d times", hosts, n)
		}
	}
}

// TestAPlanLooksAtHostsAndNodes: the looks for a plan grow with hosts and nodes, and not with their product.
func TestAPlanLooksAtHostsAndNodes(t *testing.T) {
	for _, c := range [][2]int{{1250, 64}, {1250, 1000}, {625, 64}, {100, 450}} {
		if n := looks(t, c[0], c[1], c[1], 32, true); n > 20*(c[0]+2*c[1]) {
			t.Errorf("%d nodes on %d hosts: %d looks", 2*c[1], c[0], n)
		}
	}
}
