package nethook

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"volary.dev/provisioner"
)

// ProbeDir is where probes keep what they found until it is asked for, in memory, for root alone, and in no pool: guests have
// their say in it.
const ProbeDir = "/run/volary/probes"

const (
	probeOperation = "probe"
	mostProbes     = 4 // at once on a host; a question may name more, which are begun when it is asked again
	// MaxProbes are those of a question.
	MaxProbes = 32
	probeKey  = "key"
	// What nobody asked for in so long is of a driver that died.
	probeAbandoned = 5 * time.Minute
	mostWhy        = 300 // bytes
)

// Probe asks whether a node answers at a TCP port, or, with a sign-in, whether one can sign in there by SSH. The first question
// with its ID begins it, and later ones ask what came of it.
type Probe struct {
	ID           string     `json:"id"` // letters and digits, never used before
	VNI          uint32     `json:"vni"`
	Guest        netip.Addr `json:"guest"`
	Port         uint16     `json:"port"`
	Milliseconds int64      `json:"ms"`
	SignIn       *SignIn    `json:"sign_in,omitempty"`
}

// SignIn has its private key sealed to the hook that is asked (SealKey): what a question holds stands in libvirt's files, and may
// in its log.
type SignIn struct {
	User    string `json:"user"`
	Sealed  []byte `json:"sealed"`
	HostKey string `json:"host_key,omitempty"`
}

// ProbeAnswer is what came of a probe.
type ProbeAnswer struct {
	Done     bool       `json:"done"`            // false: it goes on, or waits for its turn
	Error    string     `json:"error,omitempty"` // of the hook
	Answers  bool       `json:"answers,omitempty"`
	SignedIn bool       `json:"signed_in,omitempty"`
	HostKey  guestBytes `json:"host_key,omitempty"`
	Why      guestBytes `json:"why,omitempty"`
}

const sealedFor = "volary probe's key"

// SealKey seals a private key for the hook whose answer had this Seal.
func SealKey(seal, private []byte) ([]byte, error) {
	public, err := ecdh.X25519().NewPublicKey(seal)
	if err != nil {
		return nil, fmt.Errorf("seal a key: %w", err)
	}
	to, err := hpke.NewDHKEMPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("seal a key: %w", err)
	}
	return hpke.Seal(to, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte(sealedFor), private)
}

// sealKey is the hook's own key, which is drawn when it is first needed and goes with the machine's memory.
func (h hook) sealKey() (*ecdh.PrivateKey, error) {
	file := filepath.Join(h.probes, probeKey)
	b, err := os.ReadFile(file)
	if err == nil {
		return ecdh.X25519().NewPrivateKey(b)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(h.probes, 0o700); err != nil {
		return nil, err
	}
	fresh, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(h.probes, ".key-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, writeErr := f.Write(fresh.Bytes())
	if err := errors.Join(writeErr, f.Close()); err != nil {
		return nil, err
	}
	// Linked and not renamed: where another call of the hook was faster its key is the one.
	if err := os.Link(f.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if b, err = os.ReadFile(file); err != nil {
		return nil, err
	}
	return ecdh.X25519().NewPrivateKey(b)
}

func (h hook) unseal(sealed []byte) ([]byte, error) {
	key, err := h.sealKey()
	if err != nil {
		return nil, err
	}
	from, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		return nil, err
	}
	private, err := hpke.Open(from, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte(sealedFor), sealed)
	if err != nil {
		return nil, errors.New("the key was sealed for another hook, or before this machine was started")
	}
	return private, nil
}

// probed tells what came of a probe, or begins it where fewer than mostProbes go on.
func (h hook) probed(p Probe) ProbeAnswer {
	a, err := h.probe(p)
	if err != nil {
		return ProbeAnswer{Done: true, Error: err.Error()}
	}
	return a
}

func (h hook) probe(p Probe) (a ProbeAnswer, err error) {
	if !plain(p.ID) {
		return a, fmt.Errorf("probe %q", p.ID)
	}
	mark, result := filepath.Join(h.probes, p.ID+probeMark), filepath.Join(h.probes, p.ID+probeResult)
	_, err = os.Lstat(mark)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return a, h.beginProbe(p, mark)
	case err != nil || locked(mark):
		return a, err
	}
	b, err := os.ReadFile(result)
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.New("its process ended before it had anything to tell")
	}
	if err == nil {
		err = json.Unmarshal(b, &a)
	}
	return a, errors.Join(err, remove(result), remove(mark))
}

const (
	probeMark   = ".begun" // whose lock is held as long as the probe goes on
	probeResult = ".json"
)

// beginProbe begins a probe in a process that nobody waits for. Its order goes by a pipe: the key in it is in no argument and in no
// file.
func (h hook) beginProbe(p Probe, mark string) error {
	order, err := h.order(p)
	if err != nil {
		return err
	}
	running, err := h.sweepProbes()
	if err != nil || running >= mostProbes {
		return err
	}
	f, err := os.CreateTemp(h.probes, ".begin-*")
	if err != nil {
		return err
	}
	defer f.Close()
	defer os.Remove(f.Name())
	// Locked before anyone can look whether it is. The lock goes over to the process, and ends with it.
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	if err := os.Link(f.Name(), mark); errors.Is(err, fs.ErrExist) {
		return nil // another call of the hook was faster
	} else if err != nil {
		return err
	}
	b, err := json.Marshal(order)
	if err != nil {
		return err
	}
	return h.probeInBackground(b, f, p.ID)
}

// probeOrder is what the process is told that probes.
type probeOrder struct {
	Guest   netip.AddrPort
	Device  string
	Within  time.Duration
	User    string `json:",omitempty"`
	Private []byte `json:",omitempty"`
	HostKey string `json:",omitempty"`
}

// order looks at a probe as at what a stranger asks: of this host nothing but a cluster's own guests may be reached by it.
func (h hook) order(p Probe) (probeOrder, error) {
	o := probeOrder{
		Guest: netip.AddrPortFrom(p.Guest, p.Port), Device: BridgeName(p.VNI), Within: time.Duration(p.Milliseconds) * time.Millisecond,
	}
	asked := provisioner.Probe{VNI: p.VNI, Guest: p.Guest, Port: p.Port, Within: o.Within}
	if s := p.SignIn; s != nil {
		private, err := h.unseal(s.Sealed)
		if err != nil {
			return o, err
		}
		o.User, o.Private, o.HostKey = s.User, private, s.HostKey
		asked.SignIn = &provisioner.ProbeSignIn{User: s.User, PrivateKey: private, HostKey: s.HostKey}
	}
	if _, err := asked.Bounded(); err != nil {
		return o, err
	}
	subnets, err := h.subnets(o.Device)
	if err != nil {
		return o, fmt.Errorf("network %d is not on this host: %w", p.VNI, err)
	}
	for _, s := range subnets {
		if s.Masked().Contains(p.Guest) && s.Addr() != p.Guest {
			return o, nil
		}
	}
	return o, fmt.Errorf("%s is no guest's address in network %d", p.Guest, p.VNI)
}

// sweepProbes counts the probes that go on, and removes what is left of those that nobody asks for.
func (h hook) sweepProbes() (running int, err error) {
	if err := os.MkdirAll(h.probes, 0o700); err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(h.probes)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		path := filepath.Join(h.probes, e.Name())
		if e.Name() == probeKey {
			continue
		}
		if strings.HasSuffix(e.Name(), probeMark) && locked(path) {
			running++
			continue
		}
		if info, err := e.Info(); err == nil && h.now.Sub(info.ModTime()) > probeAbandoned {
			_ = os.RemoveAll(path)
		}
	}
	return running, nil
}

func locked(path string) bool {
	f, _, err := openRegular(path, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil
}
