package nethook

import (
	"fmt"
	"strings"
	"text/template"
)

// counterNames are the counters of each table, by nftables family.
var counterNames = map[string][]string{
	"inet":   {"foreign_vxlan", "to_host", "vxlan", "other_source", "other_cluster", "forbidden", "sealed", "out", "published", "in"},
	"bridge": {"ipv6", "spoofed", "other_protocol", "foreign_gateway"},
	"netdev": {"own_dhcp", "own_gateway", "own_ipv6"},
}

// ruleset is the nft script that replaces all three tables in one transaction. Counters go on where they stood.
//
// A table is named before it is deleted, as deleting one that is not there would fail the whole transaction.
func (n network) ruleset(counters map[string]Counter) (string, error) {
	var b strings.Builder
	err := rules.Execute(&b, rulesetData{n.view(), counters})
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

type rulesetData struct {
	N        rulesetView
	Counters map[string]Counter
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
	Table, VXLAN, Ports       string
	VNI                       uint32
	Underlay, Subnet, Gateway string
	GatewayMAC                string
	Peers, Forbidden, Members string // comma separated; empty where there is none
	Published                 []publishedView
	Sealed, Masquerade        bool
}

type publishedView struct {
	HostPort, GuestPort uint16
	Guest               string
}

func (n network) view() rulesetView {
	v := rulesetView{
		Table: BridgeName(n.vni), VXLAN: VXLANName(n.vni), Ports: portPrefix(n.vni) + "*", VNI: n.vni,
		Underlay: n.underlay.String(), Subnet: n.subnet.String(), Gateway: n.gateway.String(), GatewayMAC: n.gatewayMAC.String(),
		Sealed: n.sealed, Masquerade: n.masquerade && !n.sealed,
	}
	var peers, forbidden, members []string
	for _, p := range n.peers {
		peers = append(peers, p.String())
	}
	for _, p := range n.forbidden {
		forbidden = append(forbidden, p.String())
	}
	for _, m := range n.members {
		members = append(members, m.MAC.String()+" . "+m.IP.String())
	}
	v.Peers, v.Forbidden, v.Members = strings.Join(peers, ", "), strings.Join(forbidden, ", "), strings.Join(members, ", ")
	if !n.sealed {
		for _, p := range n.published {
			v.Published = append(v.Published, publishedView{p.HostPort, p.GuestPort, p.Guest.String()})
		}
	}
	return v
}

// The order of rules matters. VXLAN packets from guests are dropped before anything is accepted. Replies are accepted
// before forbidden ranges are looked at, as whoever uses a published port may sit in one of them; a guest's own first
// packet to such a range never becomes a connection to reply to.
var rules = template.Must(template.New("rules").Parse(`
{{- define "counters"}}{{range .}}
	counter {{.Name}} { packets {{.Packets}} bytes {{.Bytes}} }{{end}}
{{- end -}}
{{with .N -}}
table inet {{.Table}}
delete table inet {{.Table}}
table inet {{.Table}} {
{{- template "counters" ($.For "inet")}}
{{- if .Forbidden}}
	set forbidden {
		type ipv4_addr; flags interval; auto-merge
		elements = { {{.Forbidden}} }
	}
{{- end}}
	chain input {
		type filter hook input priority -10; policy accept;
		udp dport 4789 @th,96,24 {{.VNI}} {{if .Peers}}ip saddr != { {{.Peers}} } {{end}}counter name foreign_vxlan drop
		iifname "{{.Table}}" goto from_guest_to_host
	}
	chain from_guest_to_host {
		ct state established,related accept
		udp sport 68 udp dport 67 accept
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
		ct state established,related accept
{{- if .Forbidden}}
		ip daddr @forbidden counter name forbidden drop
{{- end}}
{{- if .Masquerade}}
		counter name out accept
{{- else}}
		counter name sealed drop
{{- end}}
{{- end}}
	}
	chain to_guest {
{{- if not .Sealed}}
		ct state established,related accept
		ct status dnat counter name published accept
{{- end}}
		counter name in drop
	}
{{- if .Published}}
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
{{- range .Published}}
		iifname != "vol*" ip daddr {{$.N.Underlay}} tcp dport {{.HostPort}} dnat ip to {{.Guest}}:{{.GuestPort}}
{{- end}}
	}
{{- end}}
{{- if .Masquerade}}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr {{.Subnet}} oifname != "{{.Table}}" masquerade
	}
{{- end}}
}
table bridge {{.Table}}
delete table bridge {{.Table}}
table bridge {{.Table}} {
{{- template "counters" ($.For "bridge")}}
	set members {
		type ether_addr . ipv4_addr
{{- if .Members}}
		elements = { {{.Members}} }
{{- end}}
	}
	chain prerouting {
		type filter hook prerouting priority -300; policy accept;
		iifname "{{.Ports}}" goto from_guest
		iifname "{{.VXLAN}}" goto from_peer
	}
	chain from_guest {
		ether type ip6 counter name ipv6 drop
		ether type != { ip, arp } counter name other_protocol drop
		udp sport 67 counter name spoofed drop
		ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept
		ether saddr . ip saddr != @members counter name spoofed drop
		arp saddr ip 0.0.0.0 accept
		ether saddr . arp saddr ip != @members counter name spoofed drop
	}
	chain from_peer {
		ether type ip6 counter name ipv6 drop
		ether saddr {{.GatewayMAC}} counter name foreign_gateway drop
		udp dport { 67, 68 } counter name foreign_gateway drop
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
