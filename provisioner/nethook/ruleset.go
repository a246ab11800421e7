package nethook

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"text/template"

	"volary.dev/provisioner"
)

// counterNames are the counters of each table, by nftables family.
var counterNames = map[string][]string{
	"inet": {
		"foreign_vxlan", "to_host", "vxlan", "other_source", "other_cluster", "untracked", "forbidden", "private", "sealed", "hurried", "connections", "out",
		"published", "in",
	},
	"bridge": {"ipv6", "spoofed", "other_protocol", "foreign_gateway", "foreign_port", "options", "fragments", "around", "flood", "foreign_arp"},
	"netdev": {"own_dhcp", "own_gateway", "own_ipv6"},
}

// ruleset is the nft script that makes all three tables in one transaction. Counters go on where they stood.
//
// A table is named before it is deleted or emptied, as doing so to one that is not there would fail the whole
// transaction. The inet table is emptied of its rules only: its sets remember the connections that guests have open,
// and a guest whose cluster is changed again and again would otherwise get its full count each time.
func (n network) ruleset(counters map[string]Counter, connections Connections) (string, error) {
	var b strings.Builder
	err := rules.Execute(&b, rulesetData{n.view(), counters, connections})
	if err != nil {
		return "", fmt.Errorf("network %s: ruleset: %w", n.name, err)
	}
	return b.String(), nil
}

// removal is the nft script that removes all three tables.
func removal(vni uint32) string {
	var b strings.Builder
	for _, family := range families {
		fmt.Fprintf(&b, "table %s %s\ndelete table %s %s\n", family, BridgeName(vni), family, BridgeName(vni))
	}
	return b.String()
}

var families = []string{"inet", "bridge", "netdev"}

// Connections bound what guests may have tracked at once. The table is one for all of a host.
type Connections struct {
	Guest   int // of one guest, out and in each
	Cluster int // of all the cluster's guests on this host together
}

// connectionsOf shares a host's table of tracked connections out: a sixteenth for a cluster, a quarter of that for a guest.
func connectionsOf(most int) Connections { return Connections{Guest: most / 64, Cluster: most / 16} }

type rulesetData struct {
	N           rulesetView
	Counters    map[string]Counter
	Connections Connections
}

// For lists a family's counters with their values.
func (d rulesetData) For(family string) []namedCounter {
	var all []namedCounter
	for _, name := range counterNames[family] {
		all = append(all, namedCounter{name, d.Counters[name]})
	}
	return all
}

type namedCounter struct {
	Name string
	Counter
}

// rulesetView is a network as words of nft.
type rulesetView struct {
	Table, VXLAN, Ports                string
	VNI                                uint32
	Underlay, Subnet, Broadcast        string
	Gateway, GatewayMAC                string
	Peers, Forbidden, Allowed, Private string // comma separated; empty where there is none
	RemoteMACs, RemoteMembers          string // of nodes that other hosts carry
	Guests                             []guestView
	Published                          []publishedView
	Sealed, Masquerade                 bool
}

// guestView is a node that this host carries, by its port.
type guestView struct {
	Port, Chain, MAC, MACNumber, IP string
}

type publishedView struct {
	HostPort, GuestPort uint16
	Guest               string
}

func (n network) view() rulesetView {
	v := rulesetView{
		Table: BridgeName(n.vni), VXLAN: VXLANName(n.vni), Ports: portPrefix(n.vni) + "*", VNI: n.vni,
		Underlay: n.underlay.String(), Subnet: n.subnet.String(), Broadcast: lastOf(n.subnet).String(),
		Gateway: n.gateway.String(), GatewayMAC: n.gatewayMAC.String(),
		Peers: commas(n.peers), Forbidden: commas(disjoint(n.forbidden)), Allowed: commas(disjoint(n.allowed)), Private: commas(provisioner.PrivatePrefixes()),
		Sealed: n.sealed, Masquerade: n.masquerade && !n.sealed,
	}
	var macs, members []string
	for _, m := range n.members {
		if m.Host.IsValid() {
			macs, members = append(macs, m.MAC.String()), append(members, m.MAC.String()+" . "+m.IP.String())
			continue
		}
		port := PortName(n.vni, m.MAC)
		v.Guests = append(v.Guests, guestView{
			Port: port, Chain: strings.Replace(port, "-", "_", 1), MAC: m.MAC.String(), MACNumber: fmt.Sprintf("0x%x", []byte(m.MAC)), IP: m.IP.String(),
		})
	}
	v.RemoteMACs, v.RemoteMembers = strings.Join(macs, ", "), strings.Join(members, ", ")
	if !n.sealed {
		for _, p := range n.published {
			v.Published = append(v.Published, publishedView{p.HostPort, p.GuestPort, p.Guest.String()})
		}
	}
	return v
}

func commas[T fmt.Stringer](list []T) string {
	words := make([]string, len(list))
	for i, x := range list {
		words[i] = x.String()
	}
	return strings.Join(words, ", ")
}

// disjoint leaves out what is not IPv4, which guests cannot speak, and what another prefix holds: nft refuses overlaps.
func disjoint(list []netip.Prefix) []netip.Prefix {
	wide := slices.Clone(list)
	slices.SortStableFunc(wide, func(a, b netip.Prefix) int { return a.Bits() - b.Bits() })
	var some []netip.Prefix
	for _, p := range wide {
		if p.Addr().Is4() && !slices.ContainsFunc(some, p.Overlaps) {
			some = append(some, p)
		}
	}
	return some
}

// lastOf is the address by which a subnet's hosts are all meant.
func lastOf(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}

// The order of rules matters. VXLAN packets from guests are dropped before anything is accepted. Replies are accepted
// before forbidden ranges are looked at, as whoever uses a published port may sit in one of them; what a guest began
// itself is looked at packet by packet, so that a range that is allowed no more is out of reach at once. Forbidden beats
// allowed, allowed beats private. What is new and confirmed is a guest's connection that nobody has answered yet: it was
// counted with its first packet.
//
// What an ARP packet must be is said whole, with what passes and not with what is dropped: of one that ends too early no
// field is there to be compared. A question for an address outside the subnet would be answered by the host for each of
// its own, those of the underlay and of its other clusters among them; the bridge answers for its own alone, too (quiet).
//
// A frame to one of the addresses that 802.1D keeps for bridges passes no prerouting, and its sender is learned all the
// same: most can be stopped at the bridge's input, LLDP's passes no hook at all. Ports that learn nothing (lock) stop both.
var rules = template.Must(template.New("rules").Parse(`
{{- define "counters"}}{{range .}}
	counter {{.Name}} { packets {{.Packets}} bytes {{.Bytes}} }{{end}}
{{- end -}}
{{with .N -}}
table inet {{.Table}} {
{{- template "counters" ($.For "inet")}}
	set rate {
		type ipv4_addr; size 65535; flags dynamic
	}
	set open_{{$.Connections.Guest}} {
		type ipv4_addr; size 65535; flags dynamic
	}
	set open_all_{{$.Connections.Cluster}} {
		type ifname; size 16; flags dynamic
	}
	set open_in_{{$.Connections.Guest}} {
		type ipv4_addr; size 65535; flags dynamic
	}
}
flush table inet {{.Table}}
table inet {{.Table}} {
	chain raw {
		type filter hook prerouting priority raw; policy accept;
		iifname != "{{.Table}}" accept
		ip daddr { {{.Gateway}}, 255.255.255.255 } udp dport { 53, 67 } notrack
		ip daddr {{.Gateway}} tcp dport 53 notrack
		ip daddr {{.Gateway}} icmp type echo-request notrack
		ip saddr {{.Subnet}} ip daddr {{.Subnet}} ip daddr != {{.Gateway}} notrack
	}
	chain raw_output {
		type filter hook output priority raw; policy accept;
		oifname != "{{.Table}}" accept
		ip saddr {{.Gateway}} udp sport { 53, 67 } notrack
		ip saddr {{.Gateway}} tcp sport 53 notrack
		ip saddr {{.Gateway}} icmp type echo-reply notrack
	}
	chain input {
		type filter hook input priority -10; policy accept;
		udp dport 4789 @th,96,24 {{.VNI}} {{if .Peers}}ip saddr != { {{.Peers}} } {{end}}counter name foreign_vxlan drop
		iifname "{{.Table}}" goto from_guest_to_host
	}
	chain from_guest_to_host {
		ct state established accept
		ip daddr { {{.Gateway}}, 255.255.255.255 } udp sport 68 udp dport 67 accept
		ip daddr {{.Gateway}} udp dport 53 accept
		ip daddr {{.Gateway}} tcp dport 53 accept
		ip daddr {{.Gateway}} icmp type echo-request accept
		counter name to_host drop
	}
	chain forward {
		type filter hook forward priority -10; policy accept;
		iifname "{{.Table}}" goto from_guest
		oifname "{{.Table}}" goto to_guest
	}
	chain from_guest {
		oifname "{{.Table}}" accept
		udp dport 4789 counter name vxlan drop
		ip saddr != {{.Subnet}} counter name other_source drop
		meta nfproto ipv6 counter name other_source drop
		oifname "vol*" counter name other_cluster drop
{{- if .Sealed}}
		counter name sealed drop
{{- else}}
		ct direction reply ct state established,related accept
{{- if .Forbidden}}
		ip daddr { {{.Forbidden}} } counter name forbidden drop
{{- end}}
{{- if .Allowed}}
		ip daddr != { {{.Allowed}} } ip daddr { {{.Private}} } counter name private drop
{{- else}}
		ip daddr { {{.Private}} } counter name private drop
{{- end}}
{{- if .Masquerade}}
		ct state established,related accept
		ct state != new counter name untracked drop
		ct status confirmed counter name out accept
		update @rate { ip saddr limit rate over 1000/second burst 2000 packets } counter name hurried drop
		add @open_{{$.Connections.Guest}} { ip saddr ct count over {{$.Connections.Guest}} } counter name connections drop
		add @open_all_{{$.Connections.Cluster}} { iifname ct count over {{$.Connections.Cluster}} } counter name connections drop
		counter name out accept
{{- else}}
		counter name sealed drop
{{- end}}
{{- end}}
	}
	chain to_guest {
{{- if not .Sealed}}
		ct state established,related accept
		ct status dnat add @open_in_{{$.Connections.Guest}} { ip daddr ct count over {{$.Connections.Guest}} } counter name connections drop
		ct status dnat counter name published accept
{{- end}}
		counter name in drop
	}
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
{{- range .Published}}
		iifname != "vol*" ip daddr {{$.N.Underlay}} tcp dport {{.HostPort}} dnat ip to {{.Guest}}:{{.GuestPort}}
{{- end}}
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
{{- if .Masquerade}}
		ip saddr {{.Subnet}} oifname != "{{.Table}}" masquerade
{{- end}}
	}
}
table bridge {{.Table}}
delete table bridge {{.Table}}
table bridge {{.Table}} {
{{- template "counters" ($.For "bridge")}}
	set asking {
		type ether_addr; size 65535; flags dynamic
	}
	set leasing {
		type ether_addr; size 65535; flags dynamic
	}
	set shouting {
		type ether_addr; size 65535; flags dynamic
	}
	set breaking {
		type ether_addr; size 65535; flags dynamic
	}
	chain prerouting {
		type filter hook prerouting priority -300; policy accept;
{{- if .Guests}}
		iifname vmap { {{range $i, $g := .Guests}}{{if $i}}, {{end}}"{{$g.Port}}" : goto {{$g.Chain}}{{end}} }
{{- end}}
		iifname "{{.Ports}}" counter name foreign_port drop
		iifname "{{.VXLAN}}" goto from_peer
	}
	chain input {
		type filter hook input priority -300; policy accept;
		ether daddr & ff:ff:ff:ff:ff:f0 != 01:80:c2:00:00:00 accept
		iifname "{{.Ports}}" counter name other_protocol drop
		iifname "{{.VXLAN}}" counter name other_protocol drop
	}
{{- range .Guests}}
	chain {{.Chain}} {
		ether saddr != {{.MAC}} counter name spoofed drop
		arp saddr ether != {{.MAC}} counter name spoofed drop
		arp saddr ip != { 0.0.0.0, {{.IP}} } counter name spoofed drop
		ether type arp goto from_guest
		udp sport 68 udp dport 67 @th,256,32 != 0 counter name spoofed drop
		udp sport 68 udp dport 67 @th,288,48 != {{.MACNumber}} counter name spoofed drop
		ip saddr 0.0.0.0 udp sport 68 udp dport 67 goto from_guest
		ip saddr != {{.IP}} counter name spoofed drop
		goto from_guest
	}
{{- end}}
	chain own_arp {
		arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation { request, reply } arp daddr ip {{.Subnet}} return
		counter name foreign_arp drop
	}
	chain from_guest {
		ether type ip6 counter name ipv6 drop
		ether type != { ip, arp } counter name other_protocol drop
		ether type arp jump own_arp
		ip hdrlength > 5 counter name options drop
		ip protocol igmp counter name other_protocol drop
		udp sport 67 counter name spoofed drop
		ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 update @shouting { ether saddr limit rate over 500/second burst 1000 packets } counter name flood drop
		ether type arp ether daddr {{.GatewayMAC}} update @asking { ether saddr limit rate over 500/second burst 1000 packets } counter name flood drop
		ether type arp accept
		ip frag-off & 0x3fff != 0 ip daddr { {{.Gateway}}, {{.Broadcast}}, 255.255.255.255 } counter name fragments drop
		udp dport 67 update @leasing { ether saddr limit rate over 5/second burst 20 packets } counter name flood drop
		ip daddr {{.Gateway}} update @asking { ether saddr limit rate over 500/second burst 1000 packets } counter name flood drop
		ether daddr != {{.GatewayMAC}} accept
		ip daddr {{.Gateway}} accept
		ip daddr {{.Subnet}} counter name around drop
		ip frag-off & 0x3fff != 0 update @breaking { ether saddr limit rate over 1000/second burst 2000 packets } counter name fragments drop
	}
	chain from_peer {
		ether type ip6 counter name ipv6 drop
		ether type != { ip, arp } counter name other_protocol drop
		ether type arp jump own_arp
		ether saddr {{.GatewayMAC}} counter name foreign_gateway drop
		udp dport { 67, 68 } counter name foreign_gateway drop
{{- if .RemoteMACs}}
		ether saddr != { {{.RemoteMACs}} } counter name spoofed drop
		ether saddr . ip saddr != { {{.RemoteMembers}} } counter name spoofed drop
		arp saddr ip != 0.0.0.0 ether saddr . arp saddr ip != { {{.RemoteMembers}} } counter name spoofed drop
{{- else}}
		counter name spoofed drop
{{- end}}
	}
}
table netdev {{.Table}}
delete table netdev {{.Table}}
table netdev {{.Table}} {
{{- template "counters" ($.For "netdev")}}
	chain egress {
		type filter hook egress device "{{.VXLAN}}" priority 0; policy accept;
		ether saddr {{.GatewayMAC}} counter name own_gateway drop
		udp dport { 67, 68 } counter name own_dhcp drop
		ether type ip6 counter name own_ipv6 drop
	}
}
{{end}}`))
