package nethook

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"volary.dev/provisioner"
)

// What hook and driver agree on.
const (
	// Protocol is raised when an older hook would misread what a driver writes.
	Protocol = 2
	// Namespace is the XML namespace of our metadata in networks and domains.
	Namespace = "https://volary.dev/xml/1"
	// ReportDir is where the hook writes one report for each network. It is in memory: a report must not outlive
	// what it reports.
	ReportDir = "/run/volary/networks"
	// ProbeName is the name of the network in which drivers ask their questions.
	ProbeName = "volary-probe"
	// ProbeBridge is its bridge.
	ProbeBridge = "volprobe"
)

// NetworkName is the name of a cluster's libvirt network.
func NetworkName(vni uint32) string { return fmt.Sprintf("volary-%d", vni) }

// BridgeName is the bridge of a cluster's network and the name of its nftables tables.
func BridgeName(vni uint32) string { return fmt.Sprintf("vol%d", vni) }

// VXLANName is the VXLAN device of a cluster's network.
func VXLANName(vni uint32) string { return fmt.Sprintf("vx%d", vni) }

// PortName is the host's end of a guest's interface: the VNI and the last two bytes of the guest's MAC, which differ
// within a cluster. The hook knows a cluster's guests by it.
func PortName(vni uint32, mac []byte) string {
	return portPrefix(vni) + macEnd(mac)
}

func macEnd(mac []byte) string { return fmt.Sprintf("%02x%02x", mac[len(mac)-2], mac[len(mac)-1]) }

func portPrefix(vni uint32) string { return fmt.Sprintf("vg%d-", vni) }

// ReportName is the file of a network's report in ReportDir.
func ReportName(network string) string { return network + ".json" }

// Report is what the hook did.
type Report struct {
	Protocol   int       `json:"protocol"`
	Network    string    `json:"network"`
	Generation int64     `json:"generation"`
	Nonce      string    `json:"nonce"` // of the generation that was applied
	Error      string    `json:"error,omitempty"`
	AppliedAt  time.Time `json:"applied_at"`
	// Ports are the guests' ports (PortName) on which the bridge was told to learn nothing. A new guest's port is not
	// there when the hook is told of it: the hook takes it off this list then, and on again when it is called the next time.
	Ports []string `json:"ports,omitempty"`
	// Counters are the packets that each rule stopped or let through since the network started, as of AppliedAt.
	Counters map[string]Counter `json:"counters,omitempty"`
}

// Counter counts packets and bytes.
type Counter struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// ParseReport reads a report.
func ParseReport(b []byte) (Report, error) {
	var r Report
	if err := json.Unmarshal(b, &r); err != nil {
		return Report{}, fmt.Errorf("network hook's report: %w", err)
	}
	return r, nil
}

// Settings are the portgroups that carry the parts of a network that may change, sorted, without its generation.
func Settings(n provisioner.Network) []string {
	var all []string
	for _, p := range n.Peers {
		all = append(all, peerPrefix+p.String())
	}
	for _, f := range n.Forbidden {
		all = append(all, forbidPrefix+f.Masked().String())
	}
	all = append(all, carriers(n)...)
	if !n.Sealed {
		for _, p := range n.Published {
			all = append(all, fmt.Sprintf("%s%d-%s-%d", publishPrefix, p.HostPort, p.Guest, p.GuestPort))
		}
		if n.Masquerade {
			all = append(all, masquerade)
			for _, a := range n.Allowed {
				all = append(all, allowPrefix+a.Masked().String())
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// carriers name for each other host the nodes that it carries, by the ends of their MACs.
func carriers(n provisioner.Network) []string {
	ends := map[netip.Addr][]string{}
	for _, e := range n.Entries {
		if e.Host.IsValid() && e.Host != n.Underlay {
			ends[e.Host] = append(ends[e.Host], macEnd(e.MAC))
		}
	}
	var all []string
	for host, list := range ends {
		slices.Sort(list)
		all = append(all, carryPrefix+host.String()+"-"+strings.Join(list, "."))
	}
	return all
}

// GenerationSetting is the portgroup that completes a change.
func GenerationSetting(generation int64, nonce string) string {
	return fmt.Sprintf("%s%d-%s", generationPrefix, generation, nonce)
}

// IsGeneration says whether a portgroup is one of GenerationSetting.
func IsGeneration(portgroup string) bool { return strings.HasPrefix(portgroup, generationPrefix) }

const (
	peerPrefix       = "peer-"
	forbidPrefix     = "forbid-"
	allowPrefix      = "allow-"
	carryPrefix      = "carry-"
	publishPrefix    = "publish-"
	generationPrefix = "generation-"
	masquerade       = "masquerade"
)
