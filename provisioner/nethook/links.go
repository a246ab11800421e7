package nethook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// command is one program to run, with what it reads.
type command struct {
	args  []string
	input string
}

// link is what the kernel says of a VXLAN device.
type link struct {
	MTU    int    `json:"mtu"`
	Master string `json:"master"`
	Info   struct {
		Kind string `json:"info_kind"`
		Data struct {
			ID    uint32 `json:"id"`
			Local string `json:"local"`
			Link  string `json:"link"`
			Port  int    `json:"port"`
		} `json:"info_data"`
	} `json:"linkinfo"`
}

// fdbEntry is one line of a VXLAN device's forwarding table.
type fdbEntry struct {
	MAC         string `json:"mac"`
	Destination string `json:"dst"`
}

const floodMAC = "00:00:00:00:00:00"

func parseLink(out []byte) (*link, error) {
	var all []link
	if err := json.Unmarshal(out, &all); err != nil || len(all) != 1 {
		return nil, fmt.Errorf("ip link: %d devices, %w", len(all), err)
	}
	return &all[0], nil
}

func parseFDB(out []byte) ([]fdbEntry, error) {
	var all []fdbEntry
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, fmt.Errorf("bridge fdb: %w", err)
	}
	return all, nil
}

// makeVXLAN are the commands that make the device where it is missing or another one; it is not yet a port of the
// bridge, so nothing passes it before its rules are there.
func (n network) makeVXLAN(have *link, dev string) []command {
	name := VXLANName(n.vni)
	var all []command
	if have != nil {
		d := have.Info.Data
		if have.Info.Kind == "vxlan" && d.ID == n.vni && d.Local == n.underlay.String() && d.Link == dev && d.Port == 4789 {
			return nil
		}
		all = append(all, command{args: []string{"ip", "link", "delete", name}})
	}
	return append(all, command{args: []string{
		"ip", "link", "add", name, "mtu", strconv.Itoa(n.mtu), "type", "vxlan",
		"id", strconv.FormatUint(uint64(n.vni), 10), "dstport", "4789", "local", n.underlay.String(), "dev", dev,
	}})
}

// plugVXLAN makes the device a port of the bridge.
func (n network) plugVXLAN() []command {
	return []command{{args: []string{"ip", "link", "set", VXLANName(n.vni), "mtu", strconv.Itoa(n.mtu), "master", BridgeName(n.vni), "up"}}}
}

// flood are the commands that make the flooding list the peers. What was learned of a host that left is forgotten with
// it, or its guests would stay unreachable until the entries age.
func (n network) flood(have []fdbEntry) []command {
	fdb := func(op, mac string, to netip.Addr) command {
		return command{args: []string{"bridge", "fdb", op, mac, "dev", VXLANName(n.vni), "dst", to.String()}}
	}
	var all []command
	listed := map[netip.Addr]bool{}
	for _, e := range have {
		to, err := netip.ParseAddr(e.Destination)
		if err != nil {
			continue // the device's own address, which has no destination
		}
		switch {
		case !slices.Contains(n.peers, to):
			all = append(all, fdb("del", e.MAC, to))
		case e.MAC == floodMAC:
			listed[to] = true
		}
	}
	for _, p := range n.peers {
		if !listed[p] {
			all = append(all, fdb("append", floodMAC, p))
		}
	}
	return all
}

// deviceOf finds the interface that carries an address of this host.
func deviceOf(a netip.Addr) (string, error) {
	all, err := net.Interfaces()
	if err != nil {
		return "", err
	}
	for _, i := range all {
		addrs, err := i.Addrs()
		if err != nil {
			return "", err
		}
		for _, have := range addrs {
			if p, err := netip.ParsePrefix(have.String()); err == nil && p.Addr().Unmap() == a {
				return i.Name, nil
			}
		}
	}
	return "", fmt.Errorf("%w: %s", errNoUnderlay, a)
}

var errNoUnderlay = errors.New("no interface of this host has the underlay address")
