//go:build libvirt

package libvirt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/nethook"
	"volary.dev/provisioner/waittest"
)

// stranger is root in the compute node of an open cluster, with a program that puts any frame on the wire.
type stranger struct {
	*cluster
	shell *shell
	world *world
}

// arm hands the guest the program by way of the world.
func arm(t *testing.T, c *cluster, g *shell, w *world) *stranger {
	t.Helper()
	file := filepath.Join(t.TempDir(), "intruder")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", file, "volary.dev/provisioner/lab/intruder")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the intruder: %v: %s", err, out)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := w.serve(t, program)
	g.can("fetch a program from the world", fmt.Sprintf(nc+" -w 20 %s %d </dev/null >/tmp/intruder && chmod +x /tmp/intruder", at.Addr(), at.Port()))
	return &stranger{cluster: c, shell: g, world: w}
}

func (s *stranger) me() provisioner.NetworkEntry { return s.network.Entries[1] }

// send puts copies of a frame on the wire, each with its number at the offsets.
func (s *stranger) send(count int, offsets string, f frame) {
	s.shell.t.Helper()
	s.shell.can("send frames", fmt.Sprintf("/tmp/intruder %d %s %s", count, offsets, f.hex()))
}

// routed is a datagram of the guest's own for an address beyond its gateway.
func (s *stranger) routed(to netip.Addr, port uint16, word string) frame {
	return frame{
		to: s.network.GatewayMAC, from: s.me().MAC, kind: typeIPv4,
		body: ipv4(s.me().IP, to, protocolUDP, nil, 0, udp(7000, port, []byte(word))),
	}
}

// world is this machine's end of the underlay, with addresses that guests may try. It keeps the words that reach it.
type world struct {
	device string
	lab    byte
	port   uint16

	mu    sync.Mutex
	words []string
}

func newWorld(t *testing.T, l *lab.Lab) *world {
	t.Helper()
	c, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	out, err := exec.Command("sh", "-c", fmt.Sprintf("ip -o -4 address show | awk '$4 == \"%s/24\" {print $2}'", l.Outside())).Output()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{device: strings.TrimSpace(string(out)), lab: l.Prefix().Addr().As4()[2], port: uint16(c.LocalAddr().(*net.UDPAddr).Port)}
	go func() {
		b := make([]byte, 2048)
		for {
			n, _, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			w.mu.Lock()
			w.words = append(w.words, string(b[:n]))
			w.mu.Unlock()
		}
	}()
	return w
}

// at is an address of the world; %d is the lab's number, so that labs do not meet.
func (w *world) at(t *testing.T, format string) netip.Addr {
	t.Helper()
	a := netip.MustParseAddr(fmt.Sprintf(format, w.lab))
	if out, err := exec.Command("ip", "address", "replace", a.String()+"/32", "dev", w.device).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return a
}

// serve gives a file to whoever connects.
func (w *world) serve(t *testing.T, file []byte) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", netip.AddrPortFrom(w.at(t, "198.51.100.%d"), 0).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, bytes.NewReader(file))
			c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// heard says which words have arrived since it was asked last, each once, when the last one is among them.
func (w *world) heard(t *testing.T, last string) []string {
	t.Helper()
	waittest.Until(t, "the word "+last+" in the world", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.Contains(w.words, last)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	words := w.words
	w.words = nil
	slices.Sort(words)
	return slices.DeleteFunc(slices.Compact(words), func(word string) bool { return word == last })
}

// walls tries from inside a guest what it must not be able to, each kind beside something like it that it can.
func walls(t *testing.T, s *site, a, other *cluster, guest, neighbour *shell, outside netip.AddrPort) {
	w := newWorld(t, s.lab)
	me := arm(t, a, guest, w)
	t.Run("frames of others", func(t *testing.T) { me.framesOfOthers(t, other) })
	t.Run("private ranges", func(t *testing.T) { me.privateRanges(t) })
	t.Run("floods", func(t *testing.T) { me.floods(t) })
	t.Run("connections", func(t *testing.T) { me.connections(t, neighbour, outside) })
	t.Run("10,000 MACs", func(t *testing.T) { me.tenThousandMACs(t) })
}

// framesOfOthers sends each kind of frame that is not the guest's to send, and sees it counted where it is dropped. The
// head's port counts what arrives: nothing but the guest's own.
func (s *stranger) framesOfOthers(t *testing.T, other *cluster) {
	n, me, head := s.network, s.me(), s.network.Entries[0]
	nobody := n.Subnet.Addr().Next().Next().Next()
	const port = 9000
	watch := fmt.Sprintf(`table bridge watch { counter arrived { }
		chain forward { type filter hook forward priority 300; oifname "%s" udp dport %d counter name arrived; }; }`, nethook.PortName(n.VNI, head.MAC), port)
	if out, err := s.site.lab.Run(t.Context(), 0, "nft", watch); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	toHead := func(mac net.HardwareAddr, ip netip.Addr) frame {
		return frame{to: head.MAC, from: mac, kind: typeIPv4, body: ipv4(ip, head.IP, protocolUDP, nil, 0, udp(7000, port, []byte("word")))}
	}
	toGateway := func(options []byte, fragment uint16, protocol byte, to netip.Addr, body []byte) frame {
		return frame{to: n.GatewayMAC, from: me.MAC, kind: typeIPv4, body: ipv4(me.IP, to, protocol, options, fragment, body)}
	}
	asks := func(chaddr net.HardwareAddr, relay netip.Addr) frame {
		return frame{to: everybody, from: me.MAC, kind: typeIPv4, body: ipv4(netip.IPv4Unspecified(), netip.AddrFrom4([4]byte{255, 255, 255, 255}), protocolUDP, nil, 0, udp(68, 67, dhcp(chaddr, relay)))}
	}
	unspecified := netip.IPv4Unspecified()
	asksFor := func(about netip.Addr) frame {
		return frame{to: everybody, from: me.MAC, kind: typeARP, body: arp(1, me.MAC, me.IP, about)}
	}
	// odd is an ARP question that would be the guest's to ask, with other bytes from one on.
	odd := func(at int, bytes ...byte) frame {
		f := asksFor(head.IP)
		copy(f.body[at:], bytes)
		return f
	}
	tagged := toHead(me.MAC, me.IP)
	tagged.tag = []byte{0x81, 0, 0, 5}
	priority := toHead(me.MAC, me.IP)
	priority.tag = []byte{0x81, 0, 0, 0}
	stacked := toHead(me.MAC, me.IP)
	stacked.tag = []byte{0x88, 0xa8, 0, 5, 0x81, 0, 0, 5}
	for _, try := range []struct {
		what, family, counter string
		frame                 frame
	}{
		{"a made-up MAC", "bridge", "spoofed", toHead(madeUp, me.IP)},
		{"the head's MAC and address", "bridge", "spoofed", toHead(head.MAC, head.IP)},
		{"the head's address", "bridge", "spoofed", toHead(me.MAC, head.IP)},
		{"the gateway's MAC and address", "bridge", "spoofed", toHead(n.GatewayMAC, n.Gateway)},
		{"an address of nobody", "bridge", "spoofed", toHead(me.MAC, nobody)},
		{"the head's address, to the gateway", "bridge", "spoofed", frame{to: n.GatewayMAC, from: me.MAC, kind: typeIPv4, body: ipv4(head.IP, s.world.at(t, "198.51.100.%d"), protocolUDP, nil, 0, udp(7000, s.world.port, []byte("head")))}},
		{"an ARP question of a made-up MAC", "bridge", "spoofed", frame{to: everybody, from: madeUp, kind: typeARP, body: arp(1, madeUp, unspecified, head.IP)}},
		{"an ARP question with a made-up MAC inside", "bridge", "spoofed", frame{to: everybody, from: me.MAC, kind: typeARP, body: arp(1, madeUp, me.IP, head.IP)}},
		{"an ARP answer for the gateway", "bridge", "spoofed", frame{to: head.MAC, from: me.MAC, kind: typeARP, body: arp(2, me.MAC, n.Gateway, head.IP)}},
		{"an ARP announcement of the head's address", "bridge", "spoofed", frame{to: everybody, from: me.MAC, kind: typeARP, body: arp(1, me.MAC, head.IP, head.IP)}},
		{"an ARP question for the underlay", "bridge", "foreign_arp", asksFor(s.site.lab.Hosts()[1].Underlay)},
		{"an ARP question for another host's underlay", "bridge", "foreign_arp", asksFor(s.site.lab.Hosts()[0].Underlay)},
		{"an ARP question for another cluster's gateway", "bridge", "foreign_arp", asksFor(other.network.Gateway)},
		{"an ARP question for this machine", "bridge", "foreign_arp", asksFor(s.site.lab.Outside())},
		{"an ARP question of its own gateway for the underlay", "bridge", "foreign_arp", frame{to: n.GatewayMAC, from: me.MAC, kind: typeARP, body: arp(1, me.MAC, me.IP, s.site.lab.Hosts()[1].Underlay)}},
		{"an ARP question without a sender", "bridge", "foreign_arp", frame{to: everybody, from: me.MAC, kind: typeARP, body: arp(1, me.MAC, unspecified, other.network.Gateway)}},
		{"ARP of another kind of hardware", "bridge", "foreign_arp", odd(0, 0, 6)},
		{"ARP about another protocol", "bridge", "foreign_arp", odd(2, 0x86, 0xdd)},
		{"ARP with hardware addresses of 8 bytes", "bridge", "foreign_arp", odd(4, 8)},
		{"ARP with addresses of 16 bytes", "bridge", "foreign_arp", odd(5, 16)},
		{"a reverse ARP question", "bridge", "foreign_arp", odd(6, 0, 3)},
		{"ARP that ends too early", "bridge", "foreign_arp", frame{to: everybody, from: me.MAC, kind: typeARP, body: arp(1, me.MAC, me.IP, head.IP)[:20], short: true}},
		{"a question for an address of a made-up MAC", "bridge", "spoofed", asks(madeUp, unspecified)},
		{"a question for the head's address", "bridge", "spoofed", asks(head.MAC, unspecified)},
		{"a question for an address by a relay", "bridge", "spoofed", asks(me.MAC, nobody)},
		{"an answer of a DHCP server", "bridge", "spoofed", frame{to: head.MAC, from: me.MAC, kind: typeIPv4, body: ipv4(me.IP, head.IP, protocolUDP, nil, 0, udp(67, 68, dhcp(head.MAC, unspecified)))}},
		{"IPv6", "bridge", "ipv6", frame{to: everybody, from: me.MAC, kind: typeIPv6, body: make([]byte, 48)}},
		{"a VLAN", "bridge", "other_protocol", tagged},
		{"a VLAN of number 0", "bridge", "other_protocol", priority},
		{"a VLAN in a VLAN", "bridge", "other_protocol", stacked},
		{"a frame for bridges", "bridge", "other_protocol", frame{to: net.HardwareAddr{0x01, 0x80, 0xc2, 0, 0, 0x02}, from: madeUp, kind: typeLLDP, body: make([]byte, 46)}},
		{"IGMP", "bridge", "other_protocol", frame{to: everybody, from: me.MAC, kind: typeIPv4, body: ipv4(me.IP, netip.MustParseAddr("224.0.0.22"), protocolIGMP, nil, 0, make([]byte, 8))}},
		{"a source route", "bridge", "options", toGateway([]byte{131, 7, 4, 10, 0, 0, 1, 0}, 0, protocolUDP, n.Gateway, udp(7000, 53, nil))},
		{"a fragment for the gateway", "bridge", "fragments", toGateway(nil, 0x2000, protocolUDP, n.Gateway, udp(7000, 53, nil))},
		{"a neighbour by way of the gateway", "bridge", "around", toGateway(nil, 0, protocolUDP, nobody, udp(7000, port, nil))},
		{"a name asked of another cluster's gateway", "inet", "to_host", toGateway(nil, 0, protocolUDP, other.network.Gateway, udp(7000, 53, nil))},
		{"a redirect", "inet", "to_host", toGateway(nil, 0, 1, n.Gateway, []byte{5, 1, 0xfa, 0xfe, 0, 0, 0, 0})},
	} {
		before := counter(t, s.site.lab, 1, try.family, n.VNI, try.counter)
		s.send(3, "-", try.frame)
		if after := counter(t, s.site.lab, 1, try.family, n.VNI, try.counter); after < before+3 {
			t.Errorf("%s was not stopped: of 3 frames %s counted %d", try.what, try.counter, after-before)
		}
	}
	s.ownQuestions(t, asksFor, head.IP, n.Gateway, nobody)
	s.send(2, "-", toHead(me.MAC, me.IP))
	s.send(1, "-", s.routed(s.world.at(t, "198.51.100.%d"), s.world.port, "last"))
	if words := s.world.heard(t, "last"); len(words) > 0 {
		t.Errorf("the world heard %q", words)
	}
	if got := tableCounter(t, s.site.lab, 0, "bridge", "watch", "arrived"); got != 2 {
		t.Errorf("the head got %d frames, want the guest's own 2", got)
	}
}

// ownQuestions asks by ARP about addresses of the guest's own subnet, which nothing stops; the hosts' bridges answer for
// none but their own.
func (s *stranger) ownQuestions(t *testing.T, asksFor func(netip.Addr) frame, own ...netip.Addr) {
	n := s.network
	before := counter(t, s.site.lab, 1, "bridge", n.VNI, "foreign_arp")
	for _, about := range own {
		s.send(1, "-", asksFor(about))
	}
	if after := counter(t, s.site.lab, 1, "bridge", n.VNI, "foreign_arp"); after != before {
		t.Errorf("of 3 ARP questions about its own subnet %d were stopped", after-before)
	}
	for host := range 2 {
		for name, want := range map[string]string{"arp_ignore": "1", "arp_announce": "2"} {
			out, err := s.site.lab.Run(t.Context(), host, "cat", "/proc/sys/net/ipv4/conf/"+nethook.BridgeName(n.VNI)+"/"+name)
			if err != nil || strings.TrimSpace(string(out)) != want {
				t.Errorf("%s of the bridge on host %d: %q, %v", name, host, out, err)
			}
		}
	}
}

// privateRanges tries ranges while the pool allows them, which shows that there is somebody, and when it does not.
func (s *stranger) privateRanges(t *testing.T) {
	world := s.world.at(t, "198.51.100.%d")
	tries := map[string]netip.Addr{}
	for word, format := range map[string]string{
		"ten": "10.254.%d.1", "twelve": "172.31.254.%d", "sixteen": "192.168.254.%d", "carrier": "100.127.254.%d", "link": "169.254.169.%d",
		"underlay": "203.0.113.%d",
	} {
		tries[word] = s.world.at(t, format)
	}
	var all []netip.Prefix
	for _, a := range tries {
		all = append(all, netip.PrefixFrom(a, 32))
	}
	forbidden := s.network.Forbidden
	try := func(allowed, forbid []netip.Prefix) []string {
		s.network.Generation++
		s.network.Allowed, s.network.Forbidden = allowed, slices.Concat(forbidden, forbid)
		s.ensureNetwork(t)
		for word, a := range tries {
			s.send(1, "-", s.routed(a, s.world.port, word))
		}
		s.send(1, "-", s.routed(netip.MustParseAddr("127.0.0.1"), s.world.port, "loopback"))
		s.send(1, "-", s.routed(world, s.world.port, "last"))
		return s.world.heard(t, "last")
	}
	if words := try(all, nil); !slices.Equal(words, []string{"carrier", "link", "sixteen", "ten", "twelve", "underlay"}) {
		t.Errorf("with all allowed the guest reaches %q", words)
	}
	if words := try(nil, []netip.Prefix{netip.PrefixFrom(tries["underlay"], 24)}); len(words) > 0 {
		t.Errorf("the guest reaches %q", words)
	}
	// What is forbidden stays so where it is allowed, too.
	if words := try(all, []netip.Prefix{netip.PrefixFrom(tries["underlay"], 24)}); slices.Contains(words, "underlay") || len(words) != 5 {
		t.Errorf("with an allowed underlay the guest reaches %q", words)
	}
	try(nil, nil)
}

// floods shows that what a host answers itself, and what reaches every host of the cluster, has its measure, and that the
// guest can go on afterwards.
func (s *stranger) floods(t *testing.T) {
	n, me := s.network, s.me()
	for what, f := range map[string]frame{
		"questions for names": {to: n.GatewayMAC, from: me.MAC, kind: typeIPv4, body: ipv4(me.IP, n.Gateway, protocolUDP, nil, 0, udp(7000, 53, make([]byte, 12)))},
		"broadcasts":          {to: everybody, from: me.MAC, kind: typeARP, body: arp(1, me.MAC, me.IP, n.Entries[0].IP)},
		"questions for an address": {
			to: everybody, from: me.MAC, kind: typeIPv4,
			body: ipv4(netip.IPv4Unspecified(), netip.AddrFrom4([4]byte{255, 255, 255, 255}), protocolUDP, nil, 0, udp(68, 67, dhcp(me.MAC, netip.IPv4Unspecified()))),
		},
	} {
		before := counter(t, s.site.lab, 1, "bridge", n.VNI, "flood")
		s.send(20_000, "-", f)
		if after := counter(t, s.site.lab, 1, "bridge", n.VNI, "flood"); after == before {
			t.Errorf("20,000 %s in a row are not stopped", what)
		}
	}
	s.shell.can("ask for a name after all this", "for i in 1 2 3 4 5; do nslookup head."+n.Domain+" && break; sleep 1; done")
}

// connections opens ten times as many as a guest may have, of which a host without walls would track each. The neighbour is a guest of another cluster on the same host.
func (s *stranger) connections(t *testing.T, neighbour *shell, outside netip.AddrPort) {
	fetch := fmt.Sprintf(nc+" -w 10 %s %d </dev/null | grep outside", outside.Addr(), outside.Port())
	neighbour.can("reach the world before", fetch)
	began := time.Now()
	// A port for each of the world's: no two are of one connection.
	const tried = 40_000
	s.send(tried, "34", s.routed(s.world.at(t, "198.51.100.%d"), s.world.port, "flood"))
	t.Logf("%d connections were tried in %v", tried, time.Since(began))
	most, used := number(t, s.site.lab, 1, "nf_conntrack_max"), number(t, s.site.lab, 1, "nf_conntrack_count")
	if bound := most/64 + 500; used > bound {
		t.Errorf("the host tracks %d connections, want at most %d", used, bound)
	}
	stopped := counter(t, s.site.lab, 1, "inet", s.network.VNI, "hurried") + counter(t, s.site.lab, 1, "inet", s.network.VNI, "connections")
	if stopped < tried/2 {
		t.Errorf("of %d connections %d were stopped by their number", tried, stopped)
	}
	neighbour.can("reach the world afterwards", fetch)
}

// tenThousandMACs has no host learn any of them, and still none after its libvirtd was another.
func (s *stranger) tenThousandMACs(t *testing.T) {
	l, n := s.site.lab, s.network
	before := [2]string{forwarding(t, l, 0, n.VNI), forwarding(t, l, 1, n.VNI)}
	if got := strings.Count(before[1], "\n"); got < 4 {
		t.Fatalf("forwarding table of the guest's host:\n%s", before[1])
	}
	same := func(when string) {
		t.Helper()
		for host := range before {
			if now := forwarding(t, l, host, n.VNI); now != before[host] {
				t.Errorf("%s the forwarding table of host %d has changed: from\n%s\nto\n%s", when, host, before[host], now)
			}
		}
	}
	question := frame{to: everybody, from: madeUp, kind: typeARP, body: arp(1, madeUp, netip.IPv4Unspecified(), n.Entries[0].IP)}
	s.send(10_000, "8,24", question)
	s.send(10_000, "8", frame{to: forBridges, from: madeUp, kind: typeLLDP, body: make([]byte, 46)})
	s.send(10_000, "8", frame{to: s.network.Entries[0].MAC, from: madeUp, kind: typeIPv4, body: ipv4(s.me().IP, s.network.Entries[0].IP, protocolUDP, nil, 0, udp(1, 2, nil))})
	same("after 10,000 MACs")
	port := nethook.PortName(n.VNI, s.me().MAC)
	if out, err := l.Run(t.Context(), 1, "bridge", "-details", "link", "show", "dev", port); err != nil || !strings.Contains(string(out), "learning off") {
		t.Errorf("the bridge learns at the guest's port: %s, %v", out, err)
	}
	// The console goes with libvirtd: the guest goes on by itself.
	s.shell.run(fmt.Sprintf("(while true; do /tmp/intruder 10000 8,24 %s; done) >/dev/null 2>&1 & true", question.hex()))
	if err := l.RestartDaemon(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	restarted := counter(t, l, 1, "bridge", n.VNI, "spoofed")
	waittest.Until(t, "10,000 MACs after libvirtd was restarted", func() bool { return counter(t, l, 1, "bridge", n.VNI, "spoofed") >= restarted+10_000 })
	same("after libvirtd was restarted")
}

// forwarding is what a host knows of where a cluster's MACs are, a line each, sorted.
func forwarding(t *testing.T, l *lab.Lab, host int, vni uint32) string {
	t.Helper()
	var lines []string
	for _, args := range [][]string{{"br", nethook.BridgeName(vni)}, {"dev", nethook.VXLANName(vni)}} {
		out, err := l.Run(t.Context(), host, "bridge", append([]string{"fdb", "show"}, args...)...)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		lines = append(lines, strings.Split(strings.TrimSpace(string(out)), "\n")...)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// number reads one of the host's figures of tracked connections.
func number(t *testing.T, l *lab.Lab, host int, name string) int {
	t.Helper()
	out, err := l.Run(t.Context(), host, "cat", "/proc/sys/net/netfilter/"+name)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// tableCounter reads a counter of a table as it stands on a host.
func tableCounter(t *testing.T, l *lab.Lab, host int, family, table, name string) uint64 {
	t.Helper()
	out, err := l.Run(t.Context(), host, "nft", "-j", "list", "counter", family, table, name)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Items []struct {
			Counter *nethook.Counter `json:"counter"`
		} `json:"nftables"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	for _, i := range list.Items {
		if i.Counter != nil {
			return i.Counter.Packets
		}
	}
	t.Fatalf("no counter %s: %s", name, out)
	return 0
}
