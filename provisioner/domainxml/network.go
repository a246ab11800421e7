package domainxml

import (
	"encoding/xml"
	"fmt"
	"strings"

	"libvirt.org/go/libvirtxml"

	"volary.dev/provisioner"
	"volary.dev/provisioner/nethook"
)

// Network describes a cluster's network on one host. Its generation carries the nonce, which the hook repeats.
func Network(n provisioner.Network, nonce string) (string, error) {
	x, err := network(n)
	if err != nil {
		return "", err
	}
	x.PortGroups = append(x.PortGroups, libvirtxml.NetworkPortGroup{Name: nethook.GenerationSetting(n.Generation, nonce)})
	out, err := x.Marshal()
	if err != nil {
		return "", fmt.Errorf("network %d: %w", n.VNI, err)
	}
	return out, nil
}

func network(n provisioner.Network) (*libvirtxml.Network, error) {
	if n.VNI < 1 || n.VNI > 1<<24-1 || !n.Subnet.Addr().Is4() || !n.Subnet.Contains(n.Gateway) || len(n.GatewayMAC) != 6 {
		return nil, fmt.Errorf("network %d: subnet %s, gateway %s %s: cannot be described", n.VNI, n.Subnet, n.Gateway, n.GatewayMAC)
	}
	meta, err := networkMetadata(n)
	if err != nil {
		return nil, err
	}
	x := &libvirtxml.Network{
		Name: nethook.NetworkName(n.VNI), Metadata: &libvirtxml.NetworkMetadata{XML: meta},
		// Open: with NAT libvirt's own rules would refuse what leads to a published port.
		Forward: &libvirtxml.NetworkForward{Mode: "open"},
		Bridge:  &libvirtxml.NetworkBridge{Name: nethook.BridgeName(n.VNI), STP: "off", Delay: "0"},
		MAC:     &libvirtxml.NetworkMAC{Address: n.GatewayMAC.String()},
		DNS:     &libvirtxml.NetworkDNS{},
		IPs: []libvirtxml.NetworkIP{{
			Address: n.Gateway.String(), Prefix: uint(n.Subnet.Bits()), DHCP: &libvirtxml.NetworkDHCP{},
		}},
	}
	if n.MTU > 0 {
		x.MTU = &libvirtxml.NetworkMTU{Size: uint(n.MTU)}
	}
	if n.Domain != "" {
		x.Domain = &libvirtxml.NetworkDomain{Name: n.Domain, LocalOnly: "yes"}
	}
	x.DnsmasqOptions = &libvirtxml.NetworkDnsmasqOptions{Option: nameServer(n)}
	for _, e := range n.Entries {
		x.IPs[0].DHCP.Hosts = append(x.IPs[0].DHCP.Hosts, dhcpHost(e))
		x.DNS.Host = append(x.DNS.Host, dnsHost(e))
	}
	for _, s := range nethook.Settings(n) {
		x.PortGroups = append(x.PortGroups, libvirtxml.NetworkPortGroup{Name: s})
	}
	return x, nil
}

// nameServer is what a network's dnsmasq is told beside what libvirt tells it: guests ask it, and it knows more than they
// may. libvirt cannot change it while the network runs.
func nameServer(n provisioner.Network) []libvirtxml.NetworkDnsmasqOption {
	words := []string{
		"no-hosts", // the host's own /etc/hosts names it and its neighbours
		"no-ident", // servers.bind names the host's resolvers, version.bind the program
	}
	switch {
	case n.Sealed || !n.Masquerade:
		// Names of the world outside are a way out too: a question can carry what one wants to tell.
		words = append(words, "no-resolv")
	case len(n.Allowed) == 0:
		// The host's resolver may know names and addresses of the provider's own network. Where the pool lets guests reach some
		// of it, they may need those names.
		words = append(words, "bogus-priv", "stop-dns-rebind")
	}
	options := make([]libvirtxml.NetworkDnsmasqOption, len(words))
	for i, w := range words {
		options[i].Value = w
	}
	return options
}

func dhcpHost(e provisioner.NetworkEntry) libvirtxml.NetworkDHCPHost {
	return libvirtxml.NetworkDHCPHost{MAC: e.MAC.String(), Name: e.Name, IP: e.IP.String()}
}

func dnsHost(e provisioner.NetworkEntry) libvirtxml.NetworkDNSHost {
	return libvirtxml.NetworkDNSHost{IP: e.IP.String(), Hostnames: []libvirtxml.NetworkDNSHostHostname{{Hostname: e.Name}}}
}

// networkMetadata is what never changes about a network; the hook reads it.
func networkMetadata(n provisioner.Network) (string, error) {
	sealed := "no"
	if n.Sealed {
		sealed = "yes"
	}
	out, err := xml.Marshal(struct {
		XMLName  xml.Name `xml:"volary:network"`
		Space    string   `xml:"xmlns:volary,attr"`
		Cluster  string   `xml:"cluster,attr"`
		VNI      uint32   `xml:"vni,attr"`
		Underlay string   `xml:"underlay,attr"`
		Sealed   string   `xml:"sealed,attr"`
	}{Space: nethook.Namespace, Cluster: n.ClusterID.String(), VNI: n.VNI, Underlay: n.Underlay.String(), Sealed: sealed})
	if err != nil {
		return "", fmt.Errorf("network %d: %w", n.VNI, err)
	}
	return string(out), nil
}

// Probe describes the network in which a driver asks the hook. It has no address and carries nothing.
func Probe() string {
	return `<network><name>` + nethook.ProbeName + `</name><metadata><volary:probe xmlns:volary="` + nethook.Namespace +
		`"/></metadata><bridge name="` + nethook.ProbeBridge + `" stp="off" delay="0"/></network>`
}

// Ask is the change by which a running probe's network asks a question; unasked takes it back.
func Ask(q nethook.Question) (ask, unasked Change, err error) {
	name, err := nethook.AskSetting(q)
	return portGroup(name, false), portGroup(name, true), err
}

// Asked are the questions that stand in the probe's network, as changes that take them back.
func Asked(current string) ([]Change, error) {
	var have libvirtxml.Network
	if err := have.Unmarshal(current); err != nil {
		return nil, fmt.Errorf("network of the probe: %w", err)
	}
	var all []Change
	for _, g := range have.PortGroups {
		if nethook.IsAsk(g.Name) {
			all = append(all, portGroup(g.Name, true))
		}
	}
	return all, nil
}

// VNIOf finds the VNI in the name of a network; ok is false for a network that is not a cluster's.
func VNIOf(name string) (vni uint32, ok bool) {
	if _, err := fmt.Sscanf(name, nethook.NetworkName(0)[:len(nethook.NetworkName(0))-1]+"%d", &vni); err != nil {
		return 0, false
	}
	return vni, nethook.NetworkName(vni) == name
}

// Section is a part of a running network that can be changed.
type Section int

// The sections.
const (
	SectionPortGroup Section = iota
	SectionDHCPHost
	SectionDNSHost
)

// Change adds or deletes one element of a running network.
type Change struct {
	Section Section
	Delete  bool
	XML     string
}

// Changes are the steps from the network that a host describes to the wanted one, in order. The generation goes first and
// comes back last, so that the hook applies all or nothing. An error says what cannot be changed while guests run.
func Changes(current string, want provisioner.Network, nonce string) ([]Change, error) {
	var have libvirtxml.Network
	if err := have.Unmarshal(current); err != nil {
		return nil, fmt.Errorf("network %d: read what the host has: %w", want.VNI, err)
	}
	target, err := network(want)
	if err != nil {
		return nil, err
	}
	if err := sameFoundation(&have, target); err != nil {
		return nil, fmt.Errorf("network %d: %w", want.VNI, err)
	}
	var first, deletes, adds []Change
	for _, g := range have.PortGroups {
		if nethook.IsGeneration(g.Name) {
			first = append(first, portGroup(g.Name, true))
		}
	}
	d, a := diff(SectionPortGroup, settings(&have), settings(target))
	deletes, adds = append(deletes, d...), append(adds, a...)
	d, a = diff(SectionDNSHost, dnsEntries(&have), dnsEntries(target))
	deletes, adds = append(deletes, d...), append(adds, a...)
	d, a = diff(SectionDHCPHost, dhcpEntries(&have), dhcpEntries(target))
	deletes, adds = append(deletes, d...), append(adds, a...)
	last := portGroup(nethook.GenerationSetting(want.Generation, nonce), false)
	return append(append(append(first, deletes...), adds...), last), nil
}

// Settled says whether the network that a host describes is the wanted one in all that the hook reads and guests ask for,
// and gives its generation's setting.
func Settled(current string, want provisioner.Network) (generation string, settled bool) {
	changes, err := Changes(current, want, "")
	if err != nil || len(changes) != 2 || !changes[0].Delete {
		return "", false
	}
	var g libvirtxml.NetworkPortGroup
	if err := g.Unmarshal(changes[0].XML); err != nil {
		return "", false
	}
	return g.Name, strings.HasPrefix(g.Name, nethook.GenerationSetting(want.Generation, ""))
}

// Again is the change of a network to itself, after which its hook has looked at the host once more. A network in the
// middle of another change has none.
func Again(current string) (Change, error) {
	var have libvirtxml.Network
	if err := have.Unmarshal(current); err != nil {
		return Change{}, fmt.Errorf("read the network that the host has: %w", err)
	}
	for _, g := range have.PortGroups {
		if nethook.IsGeneration(g.Name) {
			return portGroup(g.Name, false), nil
		}
	}
	return Change{}, fmt.Errorf("network %s is in the middle of a change", have.Name)
}

func portGroup(name string, remove bool) Change {
	g := libvirtxml.NetworkPortGroup{Name: name}
	out, _ := g.Marshal() // a name is all there is to marshal
	return Change{Section: SectionPortGroup, Delete: remove, XML: out}
}

// sameFoundation compares what libvirt cannot change while a network runs.
func sameFoundation(have, want *libvirtxml.Network) error {
	var h, w string
	switch {
	case have.Bridge == nil || have.Bridge.Name != want.Bridge.Name:
		return fmt.Errorf("the host has a network of this name with another bridge")
	case len(have.IPs) != 1:
		return fmt.Errorf("the host has a network of this name with %d addresses", len(have.IPs))
	}
	h = fmt.Sprintf("%s/%d", have.IPs[0].Address, have.IPs[0].Prefix)
	w = fmt.Sprintf("%s/%d", want.IPs[0].Address, want.IPs[0].Prefix)
	if h != w {
		return fmt.Errorf("the host has it with gateway %s, wanted is %s; delete it first", h, w)
	}
	if have.MAC == nil || !strings.EqualFold(have.MAC.Address, want.MAC.Address) {
		return fmt.Errorf("the host has it with another gateway MAC; delete it first")
	}
	return nil
}

func settings(n *libvirtxml.Network) []string {
	var all []string
	for _, g := range n.PortGroups {
		if !nethook.IsGeneration(g.Name) {
			all = append(all, portGroup(g.Name, false).XML)
		}
	}
	return all
}

func dhcpEntries(n *libvirtxml.Network) []string {
	var all []string
	for _, ip := range n.IPs {
		if ip.DHCP == nil {
			continue
		}
		for _, h := range ip.DHCP.Hosts {
			out, _ := (&libvirtxml.NetworkDHCPHost{MAC: strings.ToLower(h.MAC), Name: h.Name, IP: h.IP}).Marshal()
			all = append(all, out)
		}
	}
	return all
}

func dnsEntries(n *libvirtxml.Network) []string {
	var all []string
	if n.DNS == nil {
		return nil
	}
	for _, h := range n.DNS.Host {
		out, _ := h.Marshal()
		all = append(all, out)
	}
	return all
}

// diff deletes what is too much before it adds what is missing: an address may change its owner.
func diff(s Section, have, want []string) (deletes, adds []Change) {
	wanted, there := map[string]bool{}, map[string]bool{}
	for _, x := range want {
		wanted[x] = true
	}
	for _, x := range have {
		there[x] = true
		if !wanted[x] {
			deletes = append(deletes, Change{Section: s, Delete: true, XML: x})
		}
	}
	for _, x := range want {
		if !there[x] {
			adds = append(adds, Change{Section: s, XML: x})
		}
	}
	return deletes, adds
}
