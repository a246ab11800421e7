package usernet

import (
	"net/netip"
	"slices"
	"testing"
)

// TestReport counts what is stopped at the network's edge, and what passes it.
func TestReport(t *testing.T) {
	n := network(t)
	g := plugIn(t, n, 0)
	g.introduce()
	g.to(spec().Gateway, 1, echo())
	g.receive("the gateway's echo")
	if r := n.Report(); r.Dropped+r.Passed != 0 {
		t.Errorf("what stays within the network is counted: %+v", r)
	}
	g.to(netip.MustParseAddr("8.8.8.8"), 1, echo())
	g.to(netip.MustParseAddr("8.8.4.4"), 6, syn(netip.AddrPortFrom(g.ip, 40001), netip.MustParseAddrPort("8.8.4.4:53")))
	g.send(ether(spec().GatewayMAC, g.mac, 0x86dd, make([]byte, 40)))
	g.to(spec().Gateway, 1, echo())
	g.receive("the gateway's echo")
	if r := n.Report(); r.By["sealed"] != 2 || r.By["refused"] != 1 || r.Dropped != 3 || r.Passed != 0 {
		t.Errorf("two packets to leave and one that nobody may send are %+v", r)
	}
	n.fromGateway(slices.Concat(g.mac, spec().GatewayMAC, []byte{8, 0}, packet(netip.MustParseAddr("8.8.8.8"), g.ip, 1, echo())))
	if r := n.Report(); r.By["out"] != 1 || r.Passed != 1 {
		t.Errorf("a packet from outside is %+v", r)
	}
}
