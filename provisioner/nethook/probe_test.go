package nethook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// proberOf makes the processes of a hook stand: each has its order kept and its mark locked until it is let go.
type prober struct {
	orders []probeOrder
	marks  []*os.File
}

func probeHook(t *testing.T) (hook, *prober) {
	h, p := newHook(t, &recorder{}), &prober{}
	h.subnets = func(device string) ([]netip.Prefix, error) {
		if device != "vol7" {
			return nil, errors.New("no such device")
		}
		return []netip.Prefix{netip.MustParsePrefix("10.200.7.1/24")}, nil
	}
	h.probeInBackground = func(order []byte, mark *os.File, _ string) error {
		var o probeOrder
		fd, err := unix.Dup(int(mark.Fd()))
		p.orders, p.marks = append(p.orders, o), append(p.marks, os.NewFile(uintptr(fd), "mark"))
		return errors.Join(err, json.Unmarshal(order, &p.orders[len(p.orders)-1]))
	}
	return h, p
}

func probeOf(id string) Probe {
	return Probe{ID: id, VNI: 7, Guest: netip.MustParseAddr("10.200.7.10"), Port: 22, Milliseconds: 5000}
}

func (h hook) askProbe(t *testing.T, nonce string, p Probe) ProbeAnswer {
	t.Helper()
	return h.answered(t, Question{Nonce: nonce, Probes: []Probe{p}}).Probed[0]
}

func TestAProbesKeyIsSealed(t *testing.T) {
	h, p := probeHook(t)
	seal := h.answered(t, Question{Nonce: "0001"}).Seal
	sealed, err := SealKey(seal, []byte("the private key"))
	if err != nil {
		t.Fatal(err)
	}
	q := probeOf("one")
	q.SignIn = &SignIn{User: "root", Sealed: sealed}
	if asked := setting(t, Question{Nonce: "0002", Probes: []Probe{q}}); strings.Contains(asked, "private") {
		t.Error("the question holds the key as it is")
	}
	if a := h.askProbe(t, "0002", q); a.Done {
		t.Fatalf("%+v", a)
	}
	if len(p.orders) != 1 || string(p.orders[0].Private) != "the private key" || p.orders[0].Device != "vol7" {
		t.Fatalf("ordered: %+v", p.orders)
	}
	err = filepath.WalkDir(filepath.Dir(h.probes), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("the private key")) {
			t.Errorf("%s holds the key", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.probes = t.TempDir() // another machine
	q.ID = "two"
	if a := h.askProbe(t, "0003", q); !a.Done || !strings.Contains(a.Error, "another hook") {
		t.Errorf("a key for another hook: %+v", a)
	}
}

func TestAProbeIsBegunOnceAndToldOnce(t *testing.T) {
	h, p := probeHook(t)
	for range 3 {
		if a := h.probed(probeOf("one")); a.Done {
			t.Fatalf("%+v", a)
		}
	}
	for _, id := range []string{"two", "three", "four", "five", "six"} {
		if a := h.probed(probeOf(id)); a.Done {
			t.Fatalf("%+v", a)
		}
	}
	if len(p.orders) != mostProbes {
		t.Fatalf("%d probes go on at once, at most %d", len(p.orders), mostProbes)
	}
	b, _ := json.Marshal(ProbeAnswer{Done: true, Answers: true})
	writeFile(t, filepath.Join(h.probes, "one"+probeResult), string(b))
	if a := h.probed(probeOf("one")); a.Done {
		t.Errorf("told before its process has ended: %+v", a)
	}
	p.marks[0].Close()
	if a := h.probed(probeOf("one")); !a.Done || !a.Answers {
		t.Errorf("its end: %+v", a)
	}
	p.marks[1].Close() // without a word
	if a := h.probed(probeOf("two")); !a.Done || a.Error == "" {
		t.Errorf("a process that ended without a word: %+v", a)
	}
	if a := h.probed(probeOf("five")); a.Done || len(p.orders) != mostProbes+1 {
		t.Errorf("one that waited: %+v, begun are %d", a, len(p.orders))
	}
	for _, m := range p.marks[2:] {
		m.Close()
	}
	h.now = time.Now().Add(time.Hour)
	if running, err := h.sweepProbes(); running != 0 || err != nil {
		t.Errorf("%d, %v", running, err)
	}
	if left, _ := os.ReadDir(h.probes); len(left) > 0 && left[0].Name() != probeKey || len(left) > 1 {
		t.Errorf("left after an hour: %v", left)
	}
}

func TestAProbeReachesGuestsAlone(t *testing.T) {
	h, p := probeHook(t)
	for name, change := range map[string]func(*Probe){
		"the gateway":       func(p *Probe) { p.Guest = netip.MustParseAddr("10.200.7.1") },
		"another subnet":    func(p *Probe) { p.Guest = netip.MustParseAddr("10.77.0.11") },
		"IPv6":              func(p *Probe) { p.Guest = netip.MustParseAddr("::1") },
		"another network":   func(p *Probe) { p.VNI = 8 },
		"no port":           func(p *Probe) { p.Port = 0 },
		"an hour":           func(p *Probe) { p.Milliseconds = 3600_000 },
		"a path for a name": func(p *Probe) { p.ID = "../key" },
		"no key":            func(p *Probe) { p.SignIn = &SignIn{User: "root"} },
	} {
		q := probeOf("one")
		change(&q)
		if a := h.probed(q); !a.Done || a.Error == "" || len(p.orders) > 0 {
			t.Errorf("%s: %+v, begun %d", name, a, len(p.orders))
		}
	}
	all := Question{Nonce: "0001", Probes: make([]Probe, MaxProbes+1)}
	if err := h.serve(t.Context(), "updated", strings.NewReader(probeXML(setting(t, all)))); err == nil {
		t.Error("a question of too many probes was answered")
	}
}

// server is an SSH server on this machine that takes one key, and does what a test says once a command is to be run.
func server(t *testing.T, authorized ssh.PublicKey, run func(ssh.Channel) (status uint32)) (netip.AddrPort, ssh.PublicKey) {
	t.Helper()
	_, hostKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(hostKey)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{
		BannerCallback: func(ssh.ConnMetadata) string { return strings.Repeat("\x1b[31ma banner\r\n", 1000) },
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !bytes.Equal(key.Marshal(), authorized.Marshal()) {
				return nil, errors.New("another key")
			}
			return nil, nil
		},
		PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, nil },
	}
	config.AddHostKey(signer)
	l, err := net.Listen("tcp4", "127.0.0.1:0") //nolint:noctx // it ends with the test
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
			go serveSSH(c, config, run)
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String()), signer.PublicKey()
}

func serveSSH(c net.Conn, config *ssh.ServerConfig, run func(ssh.Channel) uint32) {
	defer c.Close()
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(requests)
	// What a hostile one asks of its client: a way to the agent, and one to anywhere.
	_, _, _ = conn.OpenChannel("auth-agent@openssh.com", nil)
	for n := range channels {
		channel, asked, err := n.Accept()
		if err != nil {
			return
		}
		for r := range asked {
			_ = r.Reply(r.Type == "exec", nil)
			if r.Type == "exec" {
				status := run(channel)
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
				channel.Close()
			}
		}
	}
}

func keyPair(t *testing.T) (private []byte, public ssh.PublicKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), signer.PublicKey()
}

// TestSigningIn signs in to servers that mean well and such that do not, with the SSH client of this machine.
func TestSigningIn(t *testing.T) {
	private, public := keyPair(t)
	other, otherPublic := keyPair(t)
	good := func(ssh.Channel) uint32 { return 0 }
	line := func(k ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))) }
	at, hostKey := server(t, public, good)
	endless, _ := server(t, public, func(c ssh.Channel) uint32 {
		for {
			if _, err := c.Stderr().Write(bytes.Repeat([]byte("\x1b[2Jendless\n"), 1000)); err != nil {
				return 0
			}
		}
	})
	failing, _ := server(t, public, func(ssh.Channel) uint32 { return 3 })
	silent, err := net.Listen("tcp4", "127.0.0.1:0") //nolint:noctx // it ends with the test
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, c := range []struct {
		name    string
		order   probeOrder
		want    ProbeAnswer
		why     string
		hostKey string
	}{
		{"a good server", probeOrder{Guest: at, Private: private}, ProbeAnswer{SignedIn: true}, "", line(hostKey)},
		{"the host key that is wanted", probeOrder{Guest: at, Private: private, HostKey: line(hostKey)}, ProbeAnswer{SignedIn: true}, "", line(hostKey)},
		{"another host key", probeOrder{Guest: at, Private: private, HostKey: line(otherPublic)}, ProbeAnswer{}, "Host key verification failed", ""},
		{"another key", probeOrder{Guest: at, Private: other}, ProbeAnswer{}, "Permission denied", line(hostKey)},
		{"what is no key", probeOrder{Guest: at, Private: []byte("no key")}, ProbeAnswer{}, "", line(hostKey)},
		{"an endless one", probeOrder{Guest: endless, Private: private}, ProbeAnswer{}, "not over within 2s", "?"},
		{"one whose true fails", probeOrder{Guest: failing, Private: private}, ProbeAnswer{}, "status 3", "?"},
		{"one that says nothing", probeOrder{Guest: netip.MustParseAddrPort(silent.Addr().String()), Private: private}, ProbeAnswer{}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, dir := c.order, t.TempDir()
			o.Device, o.User, o.Within = "lo", "root", 2*time.Second
			a := o.run(t.Context(), filepath.Join(dir, "hosts"))
			if !a.Done || !a.Answers || a.Error != "" || a.SignedIn != c.want.SignedIn || !strings.Contains(string(a.Why), c.why) || (len(a.Why) > 0) == a.SignedIn {
				t.Errorf("%+v, %q", a, a.Why)
			}
			if c.hostKey != "?" && string(a.HostKey) != c.hostKey {
				t.Errorf("the host key is %q, want %q", a.HostKey, c.hostKey)
			}
			if len(a.Why) > mostWhy || bytes.ContainsRune(a.Why, 0x1b) {
				t.Errorf("why: %q", a.Why)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

func TestPorts(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0") //nolint:noctx // it ends with the test
	if err != nil {
		t.Fatal(err)
	}
	o := probeOrder{Guest: netip.MustParseAddrPort(l.Addr().String()), Device: "lo", Within: 2 * time.Second}
	if a := o.run(t.Context(), ""); !a.Answers || len(a.Why) > 0 {
		t.Errorf("an open port: %+v", a)
	}
	l.Close()
	if a := o.run(t.Context(), ""); a.Answers || string(a.Why) != "the connection was refused" {
		t.Errorf("a closed port: %+v %q", a, a.Why)
	}
	o.Device = "volary-none"
	if a := o.run(t.Context(), ""); a.Answers || len(a.Why) == 0 {
		t.Errorf("by way of a device that is not there: %+v", a)
	}
}
