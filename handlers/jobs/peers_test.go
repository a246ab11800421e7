package jobs

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
)

// Of two hosts that are checked at once, whoever comes second to the overlay looks at the other, in whatever order they are: no
// pair is left out.
func TestOfTwoChecksAtOnceTheSecondLooks(t *testing.T) {
	enrolled := time.Now()
	for _, c := range []struct {
		elderFirst bool
		far        provisioner.CheckState
	}{{true, provisioner.CheckPassed}, {false, provisioner.CheckPassed}, {true, provisioner.CheckWarning}} {
		far := []provisioner.HostCheck{{Name: accelerationCheck, State: c.far}}
		var at []machines.Host
		for _, state := range []string{"running", "running", "waiting"} {
			at = append(at, machines.Host{ID: uuid.Must(uuid.NewV7()), CheckState: state, EnrolledAt: &enrolled})
		}
		first, second := 0, 1
		if !c.elderFirst {
			first, second = 1, 0
		}
		at[first].CheckReport = far
		if peers := choosePeers(at[first], at); len(peers) != 0 {
			t.Errorf("the first finds %d that came as far", len(peers))
		}
		at[second].CheckReport = far
		if peers := choosePeers(at[second], at); len(peers) != 1 || peers[0].ID != at[first].ID {
			t.Errorf("the second looks at %+v", peers)
		}
	}
}

// A host is told of the guests on its peers alone: the hook refuses one on a host that is none.
func TestTheNetworkOfAPeer(t *testing.T) {
	var hosts []machines.Host
	for i := range byte(3) {
		hosts = append(hosts, machines.Host{ID: uuid.Must(uuid.NewV7()), Fit: true, Underlay: netip.AddrFrom4([4]byte{192, 0, 2, i + 1})})
	}
	p := newProbes(&hostCheck{host: hosts[0], pool: hosts})
	for on, c := range map[int]struct {
		others []machines.Host
		guests int
	}{0: {hosts[1:], 6}, 1: {hosts[:1], 5}, 2: {hosts[:1], 5}} {
		n, err := p.network(hosts[on], c.others)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range n.Entries {
			if e.Host != n.Underlay && !slices.Contains(n.Peers, e.Host) {
				t.Errorf("host %d is told of %s on %s, which is no peer of %v", on, e.Name, e.Host, n.Peers)
			}
		}
		if len(n.Entries) != c.guests {
			t.Errorf("host %d is told of %d guests, want %d", on, len(n.Entries), c.guests)
		}
	}
}
