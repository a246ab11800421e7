package memory

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// logLimit caps a console log, as real hosts do; the oldest bytes go first.
const logLimit = 256 << 10

// machine is one simulated guest with its disk. Guarded by world.mu.
type machine struct {
	host *Host
	spec provisioner.NodeSpec
	// identity is made at the first boot and stays with the disk: /etc/machine-id and an SSH host key.
	identity uuid.UUID

	state    provisioner.MachineState
	why      string        // of a halt
	goesOn   chan struct{} // closed when a machine that stands runs again
	startID  string
	cold     bool            // the host was started since it last ran
	address  netip.Addr      // while DHCP has given it one
	life     context.Context //nolint:containedctx // from a start to its end: what the guest does by itself hangs on it
	powerOff context.CancelFunc
	stopping bool
	shell    bool   // booted far enough to answer on the console
	line     []byte // typed so far
	log      []byte
	written  int // bytes, those included that are kept no more
	viewer   *viewer
	agent    Agent
	access   *access // nil: nobody asked yet
}

func newMachine(h *Host, n provisioner.NodeSpec) *machine {
	return &machine{host: h, spec: n, identity: uuid.NewSHA1(h.machine.UUID, n.ID[:]), state: provisioner.MachineOff, agent: h.agents}
}

func (m *machine) start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.state, m.cold, m.startID, m.life, m.powerOff = provisioner.MachineRunning, false, uuid.NewString(), ctx, cancel
	m.stopping, m.shell, m.line = false, false, nil
	go m.boot(ctx, m.host.world.opts.BootTime, m.host.hanging)
}

// on tells whether the machine is started, though its vCPUs may stand.
func (m *machine) on() bool {
	return m.state == provisioner.MachineRunning || m.stands()
}

func (m *machine) stands() bool {
	return m.state == provisioner.MachinePaused || m.state == provisioner.MachineHalted
}

// stand stops the vCPUs of a running machine.
func (m *machine) stand(state provisioner.MachineState, why string) {
	if m.state == provisioner.MachineRunning {
		m.state, m.why, m.goesOn = state, why, make(chan struct{})
	}
}

func (m *machine) goOn() {
	if m.stands() {
		m.state, m.why = provisioner.MachineRunning, ""
		close(m.goesOn)
	}
}

func (m *machine) end(state provisioner.MachineState) {
	if !m.on() {
		return
	}
	m.powerOff()
	m.state, m.why, m.startID, m.address, m.shell = state, "", "", netip.Addr{}, false
	if m.viewer != nil {
		m.viewer.end(nil)
		m.viewer = nil
	}
}

// powerButton lets the guest shut down in its own time.
func (m *machine) powerButton() {
	if m.state != provisioner.MachineRunning || m.stopping {
		return
	}
	m.stopping = true
	m.print("volary: power button, shutting down\n")
	life := m.life
	time.AfterFunc(m.host.world.opts.StopTime, func() {
		m.during(life, func() {
			m.print("reboot: Power down\n")
			m.end(provisioner.MachineOff)
		})
	})
}

// boot is the guest's life until its login prompt.
func (m *machine) boot(ctx context.Context, takes time.Duration, hangs bool) {
	tell := func(format string, a ...any) {
		m.during(ctx, func() { m.print(fmt.Sprintf(format, a...) + "\n") })
	}
	if !wait(ctx, takes/10) || hangs {
		return
	}
	tell("[    0.000000] Linux version 6.1.0 (simulated) on %s", m.spec.Name)
	if !wait(ctx, takes*4/10) {
		return
	}
	m.during(ctx, m.takeAddress)
	if !wait(ctx, takes*2/10) {
		return
	}
	if nonce := m.nonce(); nonce != "" {
		go m.printChecks(ctx, nonce)
	}
	if !wait(ctx, takes*3/10) {
		return
	}
	m.during(ctx, func() {
		m.print("volary: ready\n\n" + m.spec.Name + " login: root (automatic login)\n\n" + m.prompt())
		m.shell = true
	})
}

// during runs f under the world's lock once the machine runs, unless it was ended meanwhile.
func (m *machine) during(ctx context.Context, f func()) {
	for {
		stands := m.doOrStand(ctx, f)
		if stands == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-stands:
		}
	}
}

// doOrStand gives what is closed when a machine that stands goes on; nil: there is nothing to wait for.
func (m *machine) doOrStand(ctx context.Context, f func()) <-chan struct{} {
	m.host.world.mu.Lock()
	defer m.host.world.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case m.stands():
		return m.goesOn
	default:
		f()
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (m *machine) takeAddress() {
	n := m.host.networks[m.spec.VNI]
	if n == nil || !n.active {
		m.print("udhcpc: no lease\n")
		return
	}
	for _, e := range n.spec.Entries {
		if bytes.Equal(e.MAC, m.spec.MAC) {
			m.address = e.IP
			m.print(fmt.Sprintf("udhcpc: lease of %s obtained\n", e.IP))
		}
	}
}

var fillInSeed = regexp.MustCompile(`\nfill=([0-9]{1,9})\n`)

// fill is how many bytes the acceptance script asks the guest to write to its console.
func (m *machine) fill() int {
	if found := fillInSeed.FindSubmatch(m.spec.Seed); found != nil {
		n, _ := strconv.Atoi(string(found[1]))
		return n
	}
	return 0
}

var nonceInSeed = regexp.MustCompile(provisioner.GuestCheckPrefix + ` ([0-9A-Za-z-]{8,64}) `)

// nonce is what the acceptance script in the seed asks guests to repeat; empty where there is no such script. The
// seed's files are uncompressed, so they can be read without parsing ISO 9660.
func (m *machine) nonce() string {
	if found := nonceInSeed.FindSubmatch(m.spec.Seed); found != nil {
		return string(found[1])
	}
	return ""
}

// printChecks does what the acceptance script does: see provisioner.GuestCheckPrefix.
func (m *machine) printChecks(ctx context.Context, nonce string) {
	line := func(words string) { m.print(provisioner.GuestCheckPrefix + " " + nonce + " " + words + "\n") }
	m.during(ctx, func() {
		id := strings.ReplaceAll(m.identity.String(), "-", "")
		line("identity " + m.spec.Name + " " + id + " SHA256:" + id)
		if m.address.IsValid() {
			line("address " + m.address.String() + " " + m.spec.MAC.String())
			if n := m.host.networks[m.spec.VNI]; n != nil {
				n.dropped++ // it asks for what is outside
			}
		}
		if n := m.fill(); n > 0 {
			const text = "volary fills its console to see how much of it the host keeps\n"
			m.print(strings.Repeat(text, n/len(text)+1))
			line("filled")
		}
	})
	if m.spec.Name != string(provisioner.RoleHead) && !m.findHead(ctx, line) {
		return
	}
	m.tellPeers(ctx, line)
}

// findHead tells whether the guest lives on.
func (m *machine) findHead(ctx context.Context, line func(string)) bool {
	opts := m.host.world.opts
	for until, pause := time.Now().Add(opts.TryTime), opts.BootTime/10; ; pause = min(2*pause, opts.BootTime) {
		reached := netip.Addr{}
		m.during(ctx, func() {
			if reached = m.reaches("head"); reached.IsValid() {
				line("head reached " + reached.String())
			}
		})
		if reached.IsValid() {
			return true
		}
		if !wait(ctx, pause) {
			return false
		}
		if time.Now().After(until) {
			break
		}
	}
	m.during(ctx, func() { line("head unreached") })
	return true
}

var peersInSeed = regexp.MustCompile(`\npeers='([^']*)'\n`)

// tellPeers asks for each other node by its name, as the acceptance script does.
func (m *machine) tellPeers(ctx context.Context, line func(string)) {
	found := peersInSeed.FindSubmatch(m.spec.Seed)
	if found == nil {
		return
	}
	opts := m.host.world.opts
	until := time.Now().Add(opts.TryTime)
	for _, peer := range strings.Fields(string(found[1])) {
		told := "-/-/-"
		for told == "-/-/-" && !time.Now().After(until) {
			m.during(ctx, func() {
				if at := m.reaches(peer); at.IsValid() {
					told = at.String() + "/0.5/" + peer
				}
			})
			if told == "-/-/-" && !wait(ctx, opts.BootTime/10) {
				return
			}
		}
		m.during(ctx, func() { line("peers " + peer + "=" + told) })
	}
	m.during(ctx, func() { line("peers done") })
}

// reaches gives the address of a node of the same network by its name, where a packet would get there: both have
// their lease, and their hosts name each other as peers.
func (m *machine) reaches(name string) netip.Addr {
	name, _, _ = strings.Cut(name, ".")
	mine := m.host.networks[m.spec.VNI]
	if mine == nil || !mine.active || !m.address.IsValid() {
		return netip.Addr{}
	}
	for _, h := range m.host.world.hosts {
		theirs := h.networks[m.spec.VNI]
		if theirs == nil || !theirs.active || h != m.host && !joined(mine.spec, theirs.spec) {
			continue
		}
		for _, other := range h.machines {
			if other.spec.VNI == m.spec.VNI && other.spec.Name == name && other.address.IsValid() {
				return other.address
			}
		}
	}
	return netip.Addr{}
}

func joined(a, b provisioner.Network) bool {
	return slices.Contains(a.Peers, b.Underlay) && slices.Contains(b.Peers, a.Underlay)
}
