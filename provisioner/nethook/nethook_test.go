package nethook

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the goldens anew")

// networkXMLText is what libvirt 9.0 hands to the hook.
const networkText = `<hookData>
<network>
  <name>volary-7</name>
  <uuid>c4a6a5f0-8f0e-4f1b-9d53-0d4e2a5f2f55</uuid>
  <metadata>
    <volary:network xmlns:volary="https://volary.dev/xml/1" cluster="0192f0c1-0000-7000-8000-000000000001" vni="7" underlay="10.77.1.11" sealed="SEALED"/>
  </metadata>
  <forward mode='open'/>
  <bridge name='vol7' stp='off' delay='0'/>
  <mtu size='1450'/>
  <mac address='52:54:00:07:00:01'/>
  <domain name='trial-1.volary' localOnly='yes'/>
  <ip address='10.200.7.1' prefix='24'>
    <dhcp>
      <host mac='52:54:00:07:00:0b' name='compute-001' ip='10.200.7.11'/>
      <host mac='52:54:00:07:00:0a' name='head' ip='10.200.7.10'/>
    </dhcp>
  </ip>
  <portgroup name='forbid-10.200.0.0/16'/>
  <portgroup name='forbid-10.77.1.0/24'/>
  <portgroup name='forbid-2001:db8::/32'/>
  <portgroup name='forbid-10.77.0.0/16'/>
  <portgroup name='allow-192.168.7.0/24'/>
  <portgroup name='carry-10.77.1.13-000b'/>
  <portgroup name='peer-10.77.1.13'/>
  <portgroup name='peer-10.77.1.12'/>
  <portgroup name='masquerade'/>
  <portgroup name='publish-22107-10.200.7.10-22'/>
  <portgroup name='generation-3-5f1c9a0e'/>
</network>
</hookData>`

func parse(t *testing.T, text string) network {
	t.Helper()
	n, err := parseNetwork(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func open() string   { return strings.Replace(networkText, "SEALED", "no", 1) }
func sealed() string { return strings.Replace(networkText, "SEALED", "yes", 1) }

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and look at the change. Got\n%s", file, got)
	}
}

func TestRulesetGolden(t *testing.T) {
	lonely := parse(t, open())
	lonely.peers, lonely.forbidden, lonely.published, lonely.masquerade, lonely.members = nil, nil, nil, false, nil
	lonely.allowed = nil
	for _, c := range []struct {
		file string
		net  network
	}{{"open.nft", parse(t, open())}, {"sealed.nft", parse(t, sealed())}, {"lonely.nft", lonely}} {
		got, err := c.net.ruleset(map[string]Counter{"to_host": {Packets: 5, Bytes: 420}}, connectionsOf(262144))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, c.file, got)
	}
}

func TestRefusedNetworks(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"publish-22107-10.200.7.10-22", "publish-22107-10.200.8.10-22", "outside of 10.200.7.0/24"},
		{"publish-22107-10.200.7.10-22", "publish-0-10.200.7.10-22", "port 0"},
		{"peer-10.77.1.12", "peer-10.77.1.12; flush ruleset", "peer"},
		{"masquerade", "teleport", "unknown to this hook"},
		{"bridge name='vol7'", "bridge name='virbr0'", "does not go with"},
		{"10.200.7.1'", "10.200.7.300'", "not IPv4"},
		{"52:54:00:07:00:0b", "52:54:00:07:00:0b } ; #", "member"},
		{"carry-10.77.1.13-000b", "carry-10.77.1.14-000b", "no peer"},
		{"carry-10.77.1.13-000b", "carry-10.77.1.13-000c", "no members"},
		{"allow-192.168.7.0/24", "allow-192.168.7.0", "allow"},
	} {
		_, err := parseNetwork(strings.NewReader(strings.Replace(open(), c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.to, err, c.want)
		}
	}
	for _, foreign := range []string{"<network><name>default</name></network>", "<hookData/>", "<hookData><network><name>x</name></network></hookData>"} {
		if _, err := parseNetwork(strings.NewReader(foreign)); !errors.Is(err, errNotOurs) {
			t.Errorf("%s: %v, want errNotOurs", foreign, err)
		}
	}
}

// recorder stands for a host: it answers what ip, bridge and nft would.
type recorder struct {
	ran     []string
	answers map[string]string
	fail    string
}

func (r *recorder) run(_ context.Context, c command) ([]byte, error) {
	line := strings.Join(c.args, " ")
	r.ran = append(r.ran, line)
	if c.args[0] == "bridge" && c.input != "" {
		r.ran = append(r.ran, strings.Split(strings.TrimSpace(c.input), "\n")...)
	}
	if r.fail != "" && strings.HasPrefix(line, r.fail) {
		return nil, errors.New(line + ": refused")
	}
	for prefix, out := range r.answers {
		if strings.HasPrefix(line, prefix) {
			return []byte(out), nil
		}
	}
	if strings.Contains(line, "show") || strings.Contains(line, "list") {
		return nil, errors.New(line + ": no such device")
	}
	return nil, nil
}

func newHook(t *testing.T, r *recorder) hook {
	settings := t.TempDir()
	if err := os.Mkdir(filepath.Join(settings, "vol7"), 0o755); err != nil {
		t.Fatal(err)
	}
	return hook{
		settings: settings, vars: t.TempDir(), names: t.TempDir(), networks: t.TempDir(), probes: filepath.Join(t.TempDir(), "probes"),
		consoles: filepath.Join(t.TempDir(), "volary", "consoles"), background: func(...string) error { return errors.New("nobody runs it") },
		run: r.run, dir: filepath.Join(t.TempDir(), "networks"), now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
		device:  func(netip.Addr) (underlayDevice, error) { return underlayDevice{"eth0", 1500}, nil },
		tracked: func() int { return 262144 },
	}
}

func (h hook) lastReport(t *testing.T) Report {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(h.dir, "volary-7.json"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseReport(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStarted(t *testing.T) {
	r := &recorder{answers: map[string]string{"bridge -json fdb": "[]", "ip -json link": "[]"}}
	h := newHook(t, r)
	if err := h.serve(t.Context(), "started", strings.NewReader(open())); err != nil {
		t.Fatal(err)
	}
	golden(t, "started.txt", strings.Join(r.ran, "\n")+"\n")
	for name, want := range map[string]string{"arp_ignore": "1", "arp_announce": "2"} {
		if got, err := os.ReadFile(filepath.Join(h.settings, "vol7", name)); err != nil || string(got) != want {
			t.Errorf("the bridge's %s is %q, %v, want %s", name, got, err, want)
		}
	}
	if got := h.lastReport(t); got.Generation != 3 || got.Nonce != "5f1c9a0e" || got.Error != "" || got.Protocol != Protocol {
		t.Errorf("report %+v", got)
	}
}

// TestUnderlayTooSmall: nothing is made where packets would not pass, and the report has the sum.
func TestUnderlayTooSmall(t *testing.T) {
	for mtu, says := range map[int]string{1499: "has an MTU of 1499, which leaves 1449 for guests; the pool gives them 1450, for which it needs 1500", 1500: ""} {
		r := &recorder{answers: map[string]string{"bridge -json fdb": "[]", "ip -json link": "[]"}}
		h := newHook(t, r)
		h.device = func(netip.Addr) (underlayDevice, error) { return underlayDevice{"eth0", mtu}, nil }
		err := h.serve(t.Context(), "started", strings.NewReader(open()))
		if (err == nil) != (says == "") || !strings.Contains(h.lastReport(t).Error, says) || says != "" && len(r.ran) > 0 {
			t.Errorf("%d: %v, ran %q", mtu, err, r.ran)
		}
	}
}

// TestUpdated begins with a host that has the device, a peer too much and one too few.
func TestUpdated(t *testing.T) {
	r := &recorder{answers: map[string]string{
		"ip -json -details link show": `[{"mtu":1450,"master":"vol7","linkinfo":{"info_kind":"vxlan","info_data":{"id":7,"local":"10.77.1.11","link":"eth0","port":4789}}}]`,
		"bridge -json fdb show dev": `[{"mac":"00:00:00:00:00:00","dst":"10.77.1.12"},{"mac":"00:00:00:00:00:00","dst":"10.77.1.99"},
			{"mac":"52:54:00:07:00:0c","dst":"10.77.1.99"},{"mac":"52:54:00:07:00:0b","dst":"10.77.1.12"},
			{"mac":"0a:0b:0c:0d:0e:0f","master":"vol7","state":"permanent"}]`,
		"bridge -json fdb show br": `[{"mac":"0a:0b:0c:0d:0e:0f","ifname":"vx7","master":"vol7","state":"permanent"},{"mac":"0a:0b:0c:0d:0e:10","ifname":"vx7","master":"vol7","state":""},
			{"mac":"52:54:00:07:00:0c","ifname":"vx7","master":"vol7","state":"static"},{"mac":"52:54:00:07:00:0b","ifname":"vx7","master":"vol7","state":"stale"},
			{"mac":"52:54:00:07:00:0a","ifname":"vx7","master":"vol7","state":"static"},{"mac":"02:66:00:00:00:01","ifname":"vg7-000a","master":"vol7","state":""},
			{"mac":"33:33:00:00:00:01","ifname":"vg7-000a","state":"permanent"}]`,
		"ip -json link show":              `[{"ifname":"vx7"},{"ifname":"vg7-000a"},{"ifname":"vg7-0099"},{"ifname":"vnet3"}]`,
		"nft -j list counters table inet": `{"nftables":[{"metainfo":{}},{"counter":{"family":"inet","name":"to_host","table":"vol7","handle":2,"packets":5,"bytes":420}}]}`,
	}}
	h := newHook(t, r)
	if err := h.serve(t.Context(), "updated", strings.NewReader(open())); err != nil {
		t.Fatal(err)
	}
	golden(t, "updated.txt", strings.Join(r.ran, "\n")+"\n")
	report := h.lastReport(t)
	if got := report.Counters["to_host"]; got != (Counter{5, 420}) {
		t.Errorf("counter %+v", got)
	}
	if !slices.Equal(report.Ports, []string{"vg7-000a", "vg7-0099"}) {
		t.Errorf("locked ports %q", report.Ports)
	}
	// A new start of the head: its port is another one.
	h.send = func(netip.Addr, []byte) error { return nil }
	port := strings.Replace(open(), "</hookData>", "<networkport><mac address='52:54:00:07:00:0a'/></networkport></hookData>", 1)
	if err := h.serve(t.Context(), "port-created", strings.NewReader(port)); err != nil {
		t.Fatal(err)
	}
	if got := h.lastReport(t); !slices.Equal(got.Ports, []string{"vg7-0099"}) || got.Nonce != "5f1c9a0e" || got.Counters["to_host"].Packets != 5 {
		t.Errorf("after the head's port was made anew: %+v", got)
	}
}

// TestPortsMoveWhileTheyAreLocked has a guest end between the look at the ports and the commands for them.
func TestPortsMoveWhileTheyAreLocked(t *testing.T) {
	ports := []string{`[{"ifname":"vg7-000a"},{"ifname":"vg7-0099"}]`, `[{"ifname":"vg7-0099"}]`}
	r := &recorder{answers: map[string]string{"bridge -json fdb": "[]", "ip -json link": ports[0]}, fail: "bridge -batch"}
	h := newHook(t, r)
	run := h.run
	h.run = func(ctx context.Context, c command) ([]byte, error) {
		out, err := run(ctx, c)
		if err != nil && r.fail != "" && strings.HasPrefix(c.args[0], "bridge") {
			r.answers["ip -json link"], r.fail = ports[1], ""
		}
		return out, err
	}
	if err := h.serve(t.Context(), "updated", strings.NewReader(open())); err != nil {
		t.Fatal(err)
	}
	if got := h.lastReport(t).Ports; !slices.Equal(got, []string{"vg7-0099"}) {
		t.Errorf("locked ports %q", got)
	}
}

func TestHalfAChangeIsLeftAlone(t *testing.T) {
	r := &recorder{}
	h := newHook(t, r)
	half := strings.Replace(open(), "<portgroup name='generation-3-5f1c9a0e'/>", "", 1)
	if err := h.serve(t.Context(), "updated", strings.NewReader(half)); err != nil || len(r.ran) != 0 {
		t.Errorf("ran %q, %v", r.ran, err)
	}
}

func TestFailureIsReported(t *testing.T) {
	r := &recorder{fail: "nft -f"}
	h := newHook(t, r)
	if err := h.serve(t.Context(), "updated", strings.NewReader(open())); err == nil {
		t.Error("no error")
	}
	if got := h.lastReport(t); got.Nonce != "5f1c9a0e" || !strings.Contains(got.Error, "nft -f -: refused") {
		t.Errorf("report %+v", got)
	}
}

func TestStopped(t *testing.T) {
	r := &recorder{answers: map[string]string{"bridge -json fdb": "[]", "ip -json link": "[]"}}
	h := newHook(t, r)
	for _, op := range []string{"started", "stopped", "stopped"} {
		r.ran = nil
		if err := h.serve(t.Context(), op, strings.NewReader(open())); err != nil {
			t.Fatalf("%s: %v", op, err)
		}
	}
	golden(t, "stopped.txt", strings.Join(r.ran, "\n")+"\n"+removal(7))
	if _, err := os.Stat(filepath.Join(h.dir, "volary-7.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the report is still there: %v", err)
	}
}

func TestPortCreatedReleasesAnOldLease(t *testing.T) {
	r := &recorder{}
	h := newHook(t, r)
	var server netip.Addr
	var sent []byte
	h.send = func(to netip.Addr, message []byte) error {
		server, sent = to, message
		return nil
	}
	port := func(mac string) string {
		return strings.Replace(open(), "</hookData>", "<networkport><mac address='"+mac+"'/></networkport></hookData>", 1)
	}
	if err := h.serve(t.Context(), "port-created", strings.NewReader(port("52:54:00:99:00:01"))); err != nil || sent != nil {
		t.Errorf("for a stranger's port %x was sent, %v", sent, err)
	}
	if err := h.serve(t.Context(), "port-created", strings.NewReader(port("52:54:00:07:00:0A"))); err != nil {
		t.Fatal(err)
	}
	if len(r.ran) != 0 || server != netip.MustParseAddr("10.200.7.1") || len(sent) != 300 {
		t.Fatalf("ran %q, sent %d bytes to %v", r.ran, len(sent), server)
	}
	golden(t, "release.hex", hex.Dump(sent))
}

func TestOtherCallsDoNothing(t *testing.T) {
	r := &recorder{}
	h := newHook(t, r)
	for _, op := range []string{"start", "port-deleted", "plugged", "restored"} {
		if err := h.serve(t.Context(), op, strings.NewReader("this is not XML")); err != nil || len(r.ran) != 0 {
			t.Errorf("%s: ran %q, %v", op, r.ran, err)
		}
	}
	if err := h.serve(t.Context(), "started", strings.NewReader("<network><name>default</name></network>")); err != nil || len(r.ran) != 0 {
		t.Errorf("foreign network: ran %q, %v", r.ran, err)
	}
}
