package nethook

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"volary.dev/provisioner"
)

// hookInput is what libvirt writes to the hook's standard input: the network alone, or within hookData.
type hookInput struct {
	XMLName xml.Name
	networkXML
	Network *networkXML `xml:"network"`
	Port    struct {
		MAC struct {
			Address string `xml:"address,attr"`
		} `xml:"mac"`
	} `xml:"networkport"`
}

type networkXML struct {
	Name     string `xml:"name"`
	Metadata struct {
		Network *metadataXML `xml:"https://volary.dev/xml/1 network"`
		Probe   *struct{}    `xml:"https://volary.dev/xml/1 probe"`
	} `xml:"metadata"`
	Bridge struct {
		Name string `xml:"name,attr"`
	} `xml:"bridge"`
	MTU struct {
		Size int `xml:"size,attr"`
	} `xml:"mtu"`
	MAC struct {
		Address string `xml:"address,attr"`
	} `xml:"mac"`
	IPs []struct {
		Address string `xml:"address,attr"`
		Prefix  int    `xml:"prefix,attr"`
		Netmask string `xml:"netmask,attr"`
		Hosts   []struct {
			MAC string `xml:"mac,attr"`
			IP  string `xml:"ip,attr"`
		} `xml:"dhcp>host"`
	} `xml:"ip"`
	PortGroups []struct {
		Name string `xml:"name,attr"`
	} `xml:"portgroup"`
}

type metadataXML struct {
	VNI      uint32 `xml:"vni,attr"`
	Underlay string `xml:"underlay,attr"`
	Sealed   string `xml:"sealed,attr"`
}

// network is what the hook makes the host match. Everything in it is typed: nothing that was read is ever passed on as
// text to nft or ip.
type network struct {
	name       string
	vni        uint32
	underlay   netip.Addr
	sealed     bool
	mtu        int
	subnet     netip.Prefix
	gateway    netip.Addr
	gatewayMAC net.HardwareAddr
	members    []provisioner.NetworkEntry
	peers      []netip.Addr
	forbidden  []netip.Prefix
	allowed    []netip.Prefix
	carried    map[string]netip.Addr // by macEnd: nodes of other hosts
	published  []provisioner.PublishedPort
	masquerade bool
	complete   bool // a generation is there
	generation int64
	nonce      string
	probe      bool             // the network in which drivers ask
	asks       []string         // their questions
	port       net.HardwareAddr // of the guest that is being plugged in; nil at other calls
}

// errNotOurs says that a network is none of Volary's.
var errNotOurs = errors.New("not a network of Volary")

func parseNetwork(r io.Reader) (network, error) {
	var in hookInput
	if err := xml.NewDecoder(io.LimitReader(r, 16<<20)).Decode(&in); err != nil {
		return network{}, fmt.Errorf("read the network: %w", err)
	}
	x := &in.networkXML
	if in.XMLName.Local == "hookData" {
		if in.Network == nil {
			return network{}, errNotOurs
		}
		x = in.Network
	}
	if x.Metadata.Probe != nil {
		n := network{name: x.Name, probe: true}
		for _, g := range x.PortGroups {
			if IsAsk(g.Name) {
				n.asks = append(n.asks, g.Name)
			}
		}
		return n, nil
	}
	if x.Metadata.Network == nil {
		return network{}, errNotOurs
	}
	n, err := x.network()
	if err == nil && in.Port.MAC.Address != "" {
		n.port, err = net.ParseMAC(in.Port.MAC.Address)
	}
	if err != nil {
		return n, fmt.Errorf("network %s: %w", x.Name, err)
	}
	return n, nil
}

func (x *networkXML) network() (network, error) {
	m := x.Metadata.Network
	n := network{name: x.Name, vni: m.VNI, sealed: m.Sealed == "yes", mtu: x.MTU.Size}
	if n.mtu == 0 {
		n.mtu = 1500 - provisioner.VXLANOverhead(netip.IPv4Unspecified())
	}
	if m.VNI < 1 || m.VNI > 1<<24-1 || x.Name != NetworkName(m.VNI) || x.Bridge.Name != BridgeName(m.VNI) {
		return n, fmt.Errorf("VNI %d does not go with this name and bridge %q", m.VNI, x.Bridge.Name)
	}
	var err error
	if n.underlay, err = netip.ParseAddr(m.Underlay); err != nil {
		return n, fmt.Errorf("underlay: %w", err)
	}
	if n.gatewayMAC, err = net.ParseMAC(x.MAC.Address); err != nil {
		return n, fmt.Errorf("gateway: %w", err)
	}
	if len(x.IPs) != 1 {
		return n, fmt.Errorf("%d addresses, want one", len(x.IPs))
	}
	ip := x.IPs[0]
	if n.gateway, err = netip.ParseAddr(ip.Address); err != nil || !n.gateway.Is4() {
		return n, fmt.Errorf("gateway address %q is not IPv4", ip.Address)
	}
	if n.subnet, err = subnet(n.gateway, ip.Prefix, ip.Netmask); err != nil {
		return n, err
	}
	for _, h := range ip.Hosts {
		var e provisioner.NetworkEntry
		if e.MAC, err = net.ParseMAC(h.MAC); err != nil {
			return n, fmt.Errorf("member: %w", err)
		}
		if e.IP, err = netip.ParseAddr(h.IP); err != nil || !e.IP.Is4() || len(e.MAC) != 6 {
			return n, fmt.Errorf("member: %s %s: %w", h.MAC, h.IP, err)
		}
		n.members = append(n.members, e)
	}
	for _, g := range x.PortGroups {
		if err := n.set(g.Name); err != nil {
			return n, fmt.Errorf("portgroup %q: %w", g.Name, err)
		}
	}
	n.sort()
	return n, n.carry()
}

// carry notes at each member which other host carries it. In the middle of a change one may not be there yet.
func (n *network) carry() error {
	left := len(n.carried)
	for i, m := range n.members {
		if host, elsewhere := n.carried[macEnd(m.MAC)]; elsewhere {
			if !slices.Contains(n.peers, host) && n.complete {
				return fmt.Errorf("%s is said to be on %s, which is no peer", m.IP, host)
			}
			n.members[i].Host = host
			left--
		}
	}
	if left != 0 && n.complete {
		return fmt.Errorf("%d nodes of other hosts are no members", left)
	}
	return nil
}

func subnet(gateway netip.Addr, bits int, mask string) (netip.Prefix, error) {
	if mask != "" {
		m := net.ParseIP(mask).To4()
		if m == nil {
			return netip.Prefix{}, fmt.Errorf("netmask %q is not one", mask)
		}
		bits, _ = net.IPMask(m).Size()
	}
	p, err := gateway.Prefix(bits)
	if err != nil || bits < 8 {
		return netip.Prefix{}, fmt.Errorf("prefix of %d bits", bits)
	}
	return p, nil
}

// set takes one portgroup. An unknown one is an error: a driver that is newer than the hook must not believe that its
// wish was granted.
func (n *network) set(setting string) error {
	switch {
	case setting == masquerade:
		n.masquerade = true
	case strings.HasPrefix(setting, peerPrefix):
		a, err := netip.ParseAddr(setting[len(peerPrefix):])
		if err != nil {
			return err
		}
		n.peers = append(n.peers, a)
	case strings.HasPrefix(setting, forbidPrefix):
		p, err := netip.ParsePrefix(setting[len(forbidPrefix):])
		if err != nil {
			return err
		}
		n.forbidden = append(n.forbidden, p.Masked())
	case strings.HasPrefix(setting, allowPrefix):
		p, err := netip.ParsePrefix(setting[len(allowPrefix):])
		if err != nil {
			return err
		}
		n.allowed = append(n.allowed, p.Masked())
	case strings.HasPrefix(setting, carryPrefix):
		host, ends, _ := strings.Cut(setting[len(carryPrefix):], "-")
		a, err := netip.ParseAddr(host)
		if err != nil {
			return err
		}
		for end := range strings.SplitSeq(ends, ".") {
			if n.carried == nil {
				n.carried = map[string]netip.Addr{}
			}
			n.carried[end] = a
		}
	case strings.HasPrefix(setting, publishPrefix):
		return n.publish(strings.Split(setting[len(publishPrefix):], "-"))
	case strings.HasPrefix(setting, generationPrefix):
		number, nonce, _ := strings.Cut(setting[len(generationPrefix):], "-")
		g, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return err
		}
		n.generation, n.nonce, n.complete = g, nonce, true
	default:
		return errors.New("unknown to this hook; install the volary program of the portal's version")
	}
	return nil
}

func (n *network) publish(parts []string) error {
	if len(parts) != 3 {
		return errors.New("want HOSTPORT-ADDRESS-PORT")
	}
	host, err := strconv.ParseUint(parts[0], 10, 16)
	if err != nil {
		return err
	}
	guest, err := netip.ParseAddr(parts[1])
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(parts[2], 10, 16)
	if err != nil {
		return err
	}
	if host == 0 || port == 0 || !n.subnet.Contains(guest) {
		return fmt.Errorf("port 0, or a guest outside of %s", n.subnet)
	}
	n.published = append(n.published, provisioner.PublishedPort{HostPort: uint16(host), Guest: guest, GuestPort: uint16(port)})
	return nil
}

// sort makes the ruleset the same however libvirt orders what it hands over.
func (n *network) sort() {
	slices.SortFunc(n.peers, netip.Addr.Compare)
	byText := func(a, b netip.Prefix) int { return strings.Compare(a.String(), b.String()) }
	slices.SortFunc(n.forbidden, byText)
	slices.SortFunc(n.allowed, byText)
	slices.SortFunc(n.published, func(a, b provisioner.PublishedPort) int { return int(a.HostPort) - int(b.HostPort) })
	slices.SortFunc(n.members, func(a, b provisioner.NetworkEntry) int { return a.IP.Compare(b.IP) })
}
