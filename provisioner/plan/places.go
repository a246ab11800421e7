package plan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"

	"volary.dev/provisioner"
)

// ErrPlan is the sentinel of input that no plan can be made of.
var ErrPlan = errors.New("plan refused")

// Net is a cluster's own network: no other cluster of the pool has the subnet, and none of the deployment the VNI.
type Net struct {
	VNI    uint32
	Subnet netip.Prefix // IPv4
}

// Place is where a node is in its cluster.
type Place struct {
	Group   string // of the model; the head's is provisioner.HeadName
	Name    string // "head", "compute-001"
	Address netip.Addr
	MAC     net.HardwareAddr
}

// Role is what the node is to the others.
func (p Place) Role() provisioner.Role {
	if p.Group == provisioner.HeadName {
		return provisioner.RoleHead
	}
	return provisioner.RoleCompute
}

// Places gives every node its name, address and MAC: the head first, then each group's nodes in the model's order. counts is by
// group, and one that is not in it has none. ErrPlan where a count is outside its group's range or of no group, or the subnet has no
// room for all.
func (n Net) Places(m provisioner.Model, counts map[string]int) ([]Place, error) {
	if !n.Subnet.Addr().Is4() || MostNodes(n.Subnet.Bits()) < 1 {
		return nil, fmt.Errorf("%w: %s has no address for a head", ErrPlan, n.Subnet)
	}
	places := []Place{n.place(provisioner.HeadName, provisioner.HeadName, provisioner.HeadAddress)}
	left := maps.Clone(counts)
	maps.DeleteFunc(left, func(_ string, count int) bool { return count == 0 })
	for _, g := range m.Compute {
		count := counts[g.Name]
		delete(left, g.Name)
		if count < g.Count.Least || count > g.Count.Most {
			return nil, fmt.Errorf("%w: group %s has %d to %d nodes, not %d", ErrPlan, g.Name, g.Count.Least, g.Count.Most, count)
		}
		if room := MostNodes(n.Subnet.Bits()) - len(places); count > room {
			return nil, fmt.Errorf("%w: %s has no addresses for %d nodes more", ErrPlan, n.Subnet, count-room)
		}
		for i := range count {
			places = append(places, n.place(g.Name, provisioner.NodeName(g.Name, i+1), provisioner.HeadAddress+len(places)))
		}
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("%w: the model has no group %s", ErrPlan, slices.Sorted(maps.Keys(left))[0])
	}
	return places, nil
}

// Join gives places to count more nodes of a group, of a cluster that has those of there: the lowest names of the group that none of them
// has, and the lowest addresses that neither they nor, as long as the subnet has others, the nodes of before had, which are gone: what a
// host remembers of one that is gone must not be taken for another. ErrPlan where there are not so many addresses.
func (n Net) Join(group string, count int, there []Place, before []netip.Addr) ([]Place, error) {
	names, taken, had := map[string]bool{}, map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for _, p := range there {
		names[p.Name], taken[p.Address] = true, true
	}
	for _, a := range before {
		had[a] = true
	}
	var fresh, used []int
	for i := range max(MostNodes(n.Subnet.Bits())-1, 0) {
		number := provisioner.HeadAddress + 1 + i
		switch a := n.address(number); {
		case taken[a]:
		case had[a]:
			used = append(used, number)
		default:
			fresh = append(fresh, number)
		}
	}
	numbers := append(fresh, used...)
	if count > len(numbers) {
		return nil, fmt.Errorf("%w: %s has no addresses for %d nodes more", ErrPlan, n.Subnet, count-len(numbers))
	}
	var places []Place
	for i := 1; len(places) < count; i++ {
		if name := provisioner.NodeName(group, i); !names[name] {
			places = append(places, n.place(group, name, numbers[len(places)]))
		}
	}
	return places, nil
}

func (n Net) place(group, name string, number int) Place {
	return Place{Group: group, Name: name, Address: n.address(number), MAC: n.mac(number)}
}

// address is the n-th of the subnet.
func (n Net) address(number int) netip.Addr {
	b := n.Subnet.Masked().Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(number))
	return netip.AddrFrom4(b)
}

// mac is locally administered and unlike any other cluster's.
func (n Net) mac(number int) net.HardwareAddr {
	return net.HardwareAddr{0x02, byte(n.VNI >> 16), byte(n.VNI >> 8), byte(n.VNI), byte(number >> 8), byte(number)}
}

// gateway is the same on each host (anycast).
func (n Net) gateway() netip.Addr { return n.address(provisioner.GatewayAddress) }

// gatewayMAC is the same on each host of a cluster: a locally administered address that ends in the VNI.
func (n Net) gatewayMAC() net.HardwareAddr {
	return net.HardwareAddr{0x02, 'v', 'o', byte(n.VNI >> 16), byte(n.VNI >> 8), byte(n.VNI)}
}

// MostNodes is how many nodes one cluster has addresses for in a subnet of so many bits, the head among them: from the head's to the
// one before the broadcast address.
func MostNodes(subnetBits int) int { return max(1<<(32-subnetBits)-1-provisioner.HeadAddress, 0) }
