package nethook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"volary.dev/provisioner"
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

			Learning bool `json:"learning"`
		} `json:"info_data"`
	} `json:"linkinfo"`
}

// portLink is a port of a bridge.
type portLink struct {
	Name string `json:"ifname"`
}

// fdbEntry is one line of a forwarding table: of the bridge, or of the VXLAN device itself.
type fdbEntry struct {
	MAC         string `json:"mac"`
	Device      string `json:"ifname"`
	Master      string `json:"master"` // set: it is the bridge's, and not the VXLAN's own
	Destination string `json:"dst"`
	State       string `json:"state"`
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
		if have.Info.Kind == "vxlan" && d.ID == n.vni && d.Local == n.underlay.String() && d.Link == dev && d.Port == 4789 && !d.Learning {
			return nil
		}
		all = append(all, command{args: []string{"ip", "link", "delete", name}})
	}
	return append(all, command{args: []string{
		"ip", "link", "add", name, "mtu", strconv.Itoa(n.mtu), "type", "vxlan",
		"id", strconv.FormatUint(uint64(n.vni), 10), "dstport", "4789", "local", n.underlay.String(), "dev", dev,
		"nolearning",
	}})
}

// plugVXLAN makes the device a port of the bridge.
func (n network) plugVXLAN() []command {
	return []command{{args: []string{"ip", "link", "set", VXLANName(n.vni), "mtu", strconv.Itoa(n.mtu), "master", BridgeName(n.vni), "up"}}}
}

// forwarding are the commands that make the VXLAN's list of destinations what the network says: the flooding list is the
// peers, and each node of another host has its host. Nothing of it is learned from what passes.
func (n network) forwarding(have []fdbEntry) []string {
	line := func(op, mac string, to netip.Addr) string {
		return fmt.Sprintf("fdb %s %s dev %s dst %s self", op, mac, VXLANName(n.vni), to)
	}
	type way struct {
		mac string
		to  netip.Addr
	}
	missing := map[way]bool{}
	for _, p := range n.peers {
		missing[way{floodMAC, p}] = true
	}
	for _, m := range n.members {
		if m.Host.IsValid() {
			missing[way{m.MAC.String(), m.Host}] = true
		}
	}
	var all []string
	for _, e := range have {
		to, err := netip.ParseAddr(e.Destination)
		if err != nil {
			continue // the bridge's entries, which have no destination
		}
		w := way{e.MAC, to}
		if !missing[w] {
			all = append(all, line("del", e.MAC, to))
		}
		missing[w] = false
	}
	for _, p := range n.peers {
		if missing[way{floodMAC, p}] {
			all = append(all, line("append", floodMAC, p))
		}
	}
	for _, m := range n.members {
		if missing[way{m.MAC.String(), m.Host}] {
			all = append(all, line("replace", m.MAC.String(), m.Host)+" static")
		}
	}
	return all
}

// lock are the commands by which the bridge knows where each node is and learns nothing else: a frame to a MAC that it
// does not know goes nowhere. A guest's port is there while the guest runs, and its entry goes with it. What was learned
// before is forgotten.
func (n network) lock(ports []string, have []fdbEntry) []string {
	vxlan := VXLANName(n.vni)
	all := []string{"link set dev " + vxlan + " learning off flood off"}
	for _, port := range ports {
		all = append(all, "link set dev "+port+" learning off flood off")
	}
	remote := map[string]bool{}
	for _, m := range n.members {
		port := PortName(n.vni, m.MAC)
		switch {
		case m.Host.IsValid():
			remote[m.MAC.String()] = true
			all = append(all, fmt.Sprintf("fdb replace %s dev %s master static", m.MAC, vxlan))
		case slices.Contains(ports, port):
			all = append(all, fmt.Sprintf("fdb replace %s dev %s master static", m.MAC, port))
		}
	}
	for _, e := range have {
		learned := e.State != "permanent" && e.State != "static"
		stale := e.Device == vxlan && e.State == "static"
		// An entry of a node that was learned, or stood elsewhere, has just been replaced.
		known := remote[e.MAC] || n.carriesHere(e.MAC, ports)
		if e.Master != "" && (learned || stale) && !known {
			all = append(all, fmt.Sprintf("fdb del %s dev %s master", e.MAC, e.Device))
		}
	}
	return all
}

// carriesHere says whether a MAC is that of a guest of this host that runs: its entry has just gone to its own port.
func (n network) carriesHere(mac string, ports []string) bool {
	return slices.ContainsFunc(n.members, func(m provisioner.NetworkEntry) bool {
		return m.MAC.String() == mac && !m.Host.IsValid() && slices.Contains(ports, PortName(n.vni, m.MAC))
	})
}

// guestPorts are the ports of the bridge that are guests'.
func (n network) guestPorts(out []byte) ([]string, error) {
	var all []portLink
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, fmt.Errorf("ip link: %w", err)
	}
	var ports []string
	for _, l := range all {
		if strings.HasPrefix(l.Name, portPrefix(n.vni)) {
			ports = append(ports, l.Name)
		}
	}
	return ports, nil
}

// underlayDevice is the interface by which this host reaches its pool's others.
type underlayDevice struct {
	name string
	mtu  int
}

// fits refuses a network whose packets would not pass the underlay's interface once VXLAN has added to them. The kernel refuses
// it too, later, and without the numbers.
func (n network) fits(d underlayDevice) error {
	over := provisioner.VXLANOverhead(n.underlay)
	if n.mtu+over <= d.mtu {
		return nil
	}
	return fmt.Errorf("%s, which carries the underlay, has an MTU of %d, which leaves %d for guests; the pool gives them %d, for which it needs %d: set that here and on the way between the hosts, or lower the MTU of the pool",
		d.name, d.mtu, d.mtu-over, n.mtu, n.mtu+over)
}

// deviceOf finds the interface that carries an address of this host.
func deviceOf(a netip.Addr) (underlayDevice, error) {
	all, err := net.Interfaces()
	if err != nil {
		return underlayDevice{}, err
	}
	for _, i := range all {
		addrs, err := i.Addrs()
		if err != nil {
			return underlayDevice{}, err
		}
		for _, have := range addrs {
			if p, err := netip.ParsePrefix(have.String()); err == nil && p.Addr().Unmap() == a {
				return underlayDevice{i.Name, i.MTU}, nil
			}
		}
	}
	return underlayDevice{}, fmt.Errorf("%w: %s", errNoUnderlay, a)
}

var errNoUnderlay = errors.New("no interface of this host has the underlay address")
