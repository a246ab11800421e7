//go:build libvirt

package libvirt

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
)

// Driver is one host. It implements provisioner.Driver.
type Driver struct {
	calls, uploads, views, agents *line

	expects   provisioner.Machine
	simulated bool  // libvirt's own test driver
	locks     keyed // one change at a time of a network, node or image
	asks      asker
	suspects  suspects
	hook      hookLook
	machine   whois

	mu       sync.Mutex
	consoles map[uuid.UUID]*console
	poked    map[uint32]bool // networks whose hook ran since the connection was made
}

var _ provisioner.Driver = (*Driver)(nil)

// Dial makes a provisioner.Dial. The first call opens a connection.
func Dial(o Options) provisioner.Dial {
	return func(_ context.Context, a provisioner.HostAddress) (provisioner.Driver, error) {
		uri, err := o.URI(a)
		if err != nil {
			return nil, err
		}
		return newDriver(uri, probeAddress(a), a.Machine), nil
	}
}

// probeAddress is where a TCP connection shows, with a limit of its own, that the host answers at all; empty where there
// is no such place. Opening a connection to a silent host would block in C for minutes.
func probeAddress(a provisioner.HostAddress) string {
	port := a.Scheme.UsualPort()
	if port == 0 {
		return ""
	}
	if a.Port != 0 {
		port = a.Port
	}
	return net.JoinHostPort(a.Name, strconv.Itoa(port))
}

// Open is Dial for a process that is one host's alone (hostline.Serve): settings are the Options as JSON.
func Open(ctx context.Context, settings json.RawMessage, a provisioner.HostAddress) (provisioner.Driver, error) {
	var o Options
	if err := json.Unmarshal(settings, &o); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return Dial(o)(ctx, a)
}

func newDriver(uri, probe string, expects provisioner.Machine) *Driver {
	d := &Driver{expects: expects, simulated: strings.HasPrefix(uri, "test:"), consoles: map[uuid.UUID]*console{}, poked: map[uint32]bool{}}
	d.calls = newLine(uri, probe, callsAtOnce, d.forgetNetworks)
	d.uploads = newLine(uri, probe, uploadsAtOnce, func() {})
	d.views = newLine(uri, probe, consolesAtOnce, func() {})
	d.agents = newLine(uri, probe, agentsAtOnce, func() {})
	d.suspects.one, d.suspects.since = make(chan struct{}, 1), map[uuid.UUID]time.Time{}
	d.agents.mostOwed = 0 // a guest decides how long a call to its agent takes: no more of them are in libvirtd than run
	for _, l := range []*line{d.calls, d.uploads, d.views, d.agents} {
		l.meet, l.bar = d.meet, d.bar
	}
	return d
}

// forgetNetworks makes the next EnsureNetwork of each network poke its hook: a new connection may be to a libvirtd, or a
// host, that was restarted.
func (d *Driver) forgetNetworks() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.poked)
	d.asks.tidy.Store(false)
	d.forgetMachine()
}

// change is a call that has key to itself. The key stays locked until f is over, even if nobody waits for f any more: a
// node that is being made by a forgotten call must not be deleted under it.
func (d *Driver) change(ctx context.Context, key, op string, f func(*libvirt.Connect) error) error {
	unlock, err := d.locks.lock(ctx, key)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return d.calls.callThen(ctx, op, f, unlock)
}

// held is a key that is locked over several calls, until the last of them is over.
type held struct {
	line   *line
	op     string
	unlock func()
	last   chan struct{}
}

func (d *Driver) hold(ctx context.Context, key, op string) (*held, error) {
	return d.holdFor(ctx, d.calls, key, op)
}

func (d *Driver) holdFor(ctx context.Context, l *line, key, op string) (*held, error) {
	unlock, err := d.locks.lock(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	over := make(chan struct{})
	close(over)
	return &held{l, op, unlock, over}, nil
}

func (h *held) call(ctx context.Context, f func(*libvirt.Connect) error) error {
	over := make(chan struct{})
	h.last = over
	return h.line.callThen(ctx, h.op, f, func() { close(over) })
}

func (h *held) release() {
	select {
	case <-h.last:
		h.unlock()
	default:
		go func() {
			<-h.last
			h.unlock()
		}()
	}
}

// Close implements provisioner.Driver. Consoles end.
func (d *Driver) Close() error {
	d.mu.Lock()
	open := d.consoles
	d.consoles = map[uuid.UUID]*console{}
	d.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
	for _, l := range []*line{d.calls, d.uploads, d.views, d.agents} {
		l.close()
	}
	return nil
}

// virtType is what a machine runs as: on libvirt's own test driver there is one choice.
func virtType(conn *libvirt.Connect, a provisioner.Acceleration) (domainxml.VirtType, error) {
	simulated, err := isSimulated(conn)
	if simulated || err != nil {
		return domainxml.VirtTest, err
	}
	return domainxml.TypeOf(a), nil
}

// isSimulated says whether this is libvirt's own test driver, which has neither hooks nor bytes in its volumes.
func isSimulated(conn *libvirt.Connect) (bool, error) {
	kind, err := conn.GetType()
	return kind == "TEST", err
}

func newNonce() (string, error) {
	b := make([]byte, 4)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("nonce: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// keyed is a lock for each key that is in use.
type keyed struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits for the key, or for the end of ctx. The caller calls unlock.
func (k *keyed) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		k.mu.Lock()
		wait, held := k.held[key]
		if !held {
			if k.held == nil {
				k.held = map[string]chan struct{}{}
			}
			mine := make(chan struct{})
			k.held[key] = mine
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.held, key)
				k.mu.Unlock()
				close(mine)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, gaveUp(ctx)
		}
	}
}
