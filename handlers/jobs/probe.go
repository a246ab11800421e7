package jobs

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/handlers/loops"
	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/plan"
	"volary.dev/store/machines"
)

// probes are the guests of one host's check: one that shows which acceleration boots, and a head here with a guest on each
// other host, which show that packets arrive. They are in one sealed network of their own. Checks of several hosts at once
// do not meet: VNI, subnet and ids come from the host that is checked.
type probes struct {
	*hostCheck
	image  loops.ProbeImage
	nonce  string
	peers  []machines.Host
	vni    uint32
	subnet netip.Prefix
	used   bool // something was begun on a host
	// generation is of the network: the second knows the peers of the moment.
	generation int64
}

// checkPrefix is RFC 2544's, for measurements between devices: no real network has it.
const checkPrefix = "198.18.0.0"

// accelerationCheck is the name of the check that comes before the one of packets.
const accelerationCheck = "acceleration"

// mostPeers is how many other hosts one check looks at: its subnet has 256 addresses.
const mostPeers = 240

func newProbes(k *hostCheck) *probes {
	p := &probes{hostCheck: k, generation: 1, nonce: hex.EncodeToString(k.host.ID[8:])}
	p.vni = loops.FirstCheckVNI + binary.BigEndian.Uint32(k.host.ID[12:])%700_000
	index := max(0, slices.IndexFunc(k.pool, func(h machines.Host) bool { return h.ID == k.host.ID }))
	base := netip.MustParseAddr(checkPrefix).As4()
	binary.BigEndian.PutUint32(base[:], binary.BigEndian.Uint32(base[:])+uint32(index%512)*256)
	p.subnet = netip.PrefixFrom(netip.AddrFrom4(base), 24)
	p.peers = choosePeers(k.host, k.pool)
	return p
}

// choosePeers takes every host of the pool that has proved itself, and those whose own check has come as far as this one's. Each
// writes down how far it came before it looks for others: so of two that are checked at the same time the one that comes second
// looks at the first, and no pair is left out.
func choosePeers(host machines.Host, pool []machines.Host) []machines.Host {
	var peers []machines.Host
	for _, h := range pool {
		asFar := h.CheckState == "running" && h.EnrolledAt != nil && slices.ContainsFunc(h.CheckReport, func(c provisioner.HostCheck) bool {
			return c.Name == accelerationCheck && (c.State == provisioner.CheckPassed || c.State == provisioner.CheckWarning)
		})
		if h.ID != host.ID && (h.Fit || asFar) && len(peers) < mostPeers {
			peers = append(peers, h)
		}
	}
	return peers
}

// id is the same in every check of the host.
func (p *probes) id(name string) uuid.UUID { return uuid.NewSHA1(p.host.ID, []byte("check "+name)) }

// guest is one guest of a check.
type guest struct {
	name string
	id   uuid.UUID
	on   machines.Host
	role provisioner.Role
}

// here are the guests on the host that is checked; the head comes first.
func (p *probes) here() []guest {
	var list []guest
	for _, name := range []string{"head", "probe-kvm", "probe-tcg", "probe-console"} {
		list = append(list, guest{name: name, id: p.id(name), on: p.host, role: provisioner.RoleHead})
	}
	return list
}

// there is the guest on the n-th other host.
func (p *probes) there(n int) guest {
	h := p.peers[n]
	return guest{name: fmt.Sprintf("compute-%03d", n+1), id: p.id("guest on " + h.ID.String()), on: h, role: provisioner.RoleCompute}
}

// guests are all of a check, in the order of their addresses.
func (p *probes) guests() []guest {
	list := p.here()
	for n := range p.peers {
		list = append(list, p.there(n))
	}
	return list
}

// nodes are guests with their places in the check's network.
func (p *probes) nodes() []plan.Node {
	var list []plan.Node
	at := p.subnet.Addr().Next().Next()
	for i, g := range p.guests() {
		mac := net.HardwareAddr{0x52, 0x54, byte(p.vni >> 16 & 0xff), byte(p.vni >> 8 & 0xff), byte(p.vni & 0xff), byte(i + 2)}
		list = append(list, plan.Node{
			ID: g.id, Place: plan.Place{Group: string(g.role), Name: g.name, Address: at, MAC: mac},
			Host: on(g.on), Image: plan.Image{Digest: p.image.Digest},
		})
		at = at.Next()
	}
	return list
}

// on is a host in the words of plan: of two hosts only the ids are never the same.
func on(h machines.Host) plan.Host { return plan.Host{Name: h.ID.String(), Underlay: h.Underlay} }

// checkName is that of the check's cluster.
const checkName = "check"

// plan is the check as a cluster of some of its guests.
func (p *probes) plan(nodes []plan.Node, check cloudinit.Check) (plan.Plan, error) {
	model := provisioner.Model{Head: provisioner.Group{Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 128, DiskGiB: 1}}}
	other := model.Head
	other.Name = string(provisioner.RoleCompute)
	model.Compute = []provisioner.Group{other}
	return plan.Make(plan.Cluster{
		ID: p.id("network"), Name: checkName, Model: model, Net: plan.Net{VNI: p.vni, Subnet: p.subnet}, Nodes: nodes, Check: &check,
		MachineType: "q35", Generation: p.generation, MTU: p.host.PoolMTU, Sealed: true,
	})
}

// network is the check's on one host, which hears of the given others and of the guests there.
func (p *probes) network(h machines.Host, others []machines.Host) (provisioner.Network, error) {
	known := slices.DeleteFunc(p.nodes(), func(n plan.Node) bool {
		return n.Host.Name != on(h).Name && !slices.ContainsFunc(others, func(o machines.Host) bool { return n.Host.Name == on(o).Name })
	})
	made, err := p.plan(known, cloudinit.Check{Nonce: p.nonce})
	if err != nil {
		return provisioner.Network{}, err
	}
	return made.Network(on(h), false), nil
}

// with calls f with a host's driver.
func (p *probes) with(ctx context.Context, h machines.Host, f func(provisioner.Driver) error) error {
	return p.Hosts.With(ctx, h.Address, f)
}

// clear removes every guest and network of the check, on all hosts, whether they are there or not.
func (p *probes) clear(ctx context.Context) {
	if !p.used {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { p.clearHost(ctx, p.host, p.here()) })
	for n, h := range p.peers {
		all.Go(func() { p.clearHost(ctx, h, []guest{p.there(n)}) })
	}
}

func (p *probes) clearHost(ctx context.Context, h machines.Host, guests []guest) {
	err := p.with(ctx, h, func(d provisioner.Driver) error {
		// At once: a host is asked once a second, for all of them.
		var all sync.WaitGroup
		errs := make([]error, len(guests))
		for i, g := range guests {
			all.Go(func() { errs[i] = d.DeleteNode(ctx, g.id, false) })
		}
		all.Wait()
		return errors.Join(append(errs, d.DeleteNetwork(ctx, p.vni))...)
	})
	if err != nil {
		p.Log.WarnContext(ctx, "clear host check", "host", h.ID, "error", err)
	}
}

// accelerate finds out what boots. Capabilities are a claim: a host may offer KVM and its guests hang.
func (p *probes) accelerate(ctx context.Context) (string, error) {
	image, err := loops.OpenProbeImage(p.ProbeImage)
	if err != nil {
		return "", ofFile(err)
	}
	p.image, p.used = image, true
	p.clear(ctx) // what a killed check left
	if err := p.prepare(ctx, p.host, p.peers); err != nil {
		return "", err
	}
	began := time.Now()
	kvm := p.boots(ctx, provisioner.AccelerationKVM, p.Probe.KVM, p.Probe.TCG)
	if kvm == nil {
		p.acceleration = provisioner.AccelerationKVM
		return fmt.Sprintf("a guest booted under KVM in %.1f s", time.Since(began).Seconds()), nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	began = time.Now()
	if tcg := p.boots(ctx, provisioner.AccelerationTCG, p.Probe.TCG, p.Probe.TCG); tcg != nil {
		return "", fmt.Errorf("no guest booted: under KVM: %w; under TCG: %w", kvm, tcg)
	}
	p.acceleration = provisioner.AccelerationTCG
	return "", warning(fmt.Sprintf("KVM does not work here: %s. Guests are emulated (TCG), which makes them many times slower than under KVM; one booted in %.1f s. "+
		"To repair: switch virtualization on in the firmware, or nested virtualization where this machine is virtual itself, load kvm_intel or kvm_amd, and check again.",
		strings.TrimSuffix(firstLine(kvm), "."), time.Since(began).Seconds()))
}

// firstLine is enough of what QEMU has to say.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// prepare makes the image and the network on a host.
func (p *probes) prepare(ctx context.Context, h machines.Host, others []machines.Host) error {
	if err := p.StageImage(ctx, loops.ImageHost{ID: h.ID, Address: h.Address}, p.image.Digest, p.image.Size, p.openImage); loops.OurOwn(err) {
		return ourFault{err}
	} else if err != nil {
		return err
	}
	n, err := p.network(h, others)
	if err != nil {
		return ourFault{err}
	}
	return p.with(ctx, h, func(d provisioner.Driver) error { return d.EnsureNetwork(ctx, n) })
}

func (p *probes) openImage(ctx context.Context) (io.ReadCloser, error) {
	r, err := p.image.Open(ctx)
	return r, ofFile(err)
}

// ofFile tells an error of this worker's own file from what a person can mend: that there is none.
func ofFile(err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		return ourFault{err}
	}
	return err
}

// boots starts a guest and waits for it to be ready, for at most limit, and for at most silence where it writes nothing.
func (p *probes) boots(ctx context.Context, a provisioner.Acceleration, silence, limit time.Duration) error {
	g := p.here()[1]
	if a == provisioner.AccelerationTCG {
		g = p.here()[2]
	}
	defer p.remove(ctx, g)
	if err := p.start(ctx, g, a, 0); err != nil {
		return err
	}
	return p.await(ctx, g, silence, limit, "volary: ready")
}

func (p *probes) remove(ctx context.Context, g guest) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := p.with(ctx, g.on, func(d provisioner.Driver) error { return d.DeleteNode(ctx, g.id, false) }); err != nil {
		p.Log.WarnContext(ctx, "remove probe guest", "host", g.on.ID, "error", err)
	}
}

func (p *probes) start(ctx context.Context, g guest, a provisioner.Acceleration, fill int64) error {
	nodes := p.nodes()
	n := slices.IndexFunc(nodes, func(n plan.Node) bool { return n.ID == g.id })
	nodes[n].Host.Acceleration = a
	known := nodes[:1:1] // the head, and the guest itself
	if n > 0 {
		known = append(known, nodes[n])
	}
	made, err := p.plan(known, cloudinit.Check{Nonce: p.nonce, Fill: fill})
	if err != nil {
		return err
	}
	spec, err := made.Node(g.id)
	if err != nil {
		return err
	}
	return p.with(ctx, g.on, func(d provisioner.Driver) error { return d.EnsureNode(ctx, spec) })
}

// await polls the console of a guest on the host until text stands in it. A guest cannot call us. That the host does not
// answer once says nothing of its guest: it is asked again, and no time counts as the guest's silence.
func (p *probes) await(ctx context.Context, g guest, silence, limit time.Duration, text string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s did not print %q within %s", g.name, text, limit))
	defer cancel()
	ticker := time.NewTicker(p.Probe.Poll)
	defer ticker.Stop()
	query, end, moved := provisioner.ConsoleQuery{Node: g.id, Find: []string{text}}, "", time.Now()
	for {
		var found []provisioner.ConsoleText
		err := p.with(ctx, g.on, func(d provisioner.Driver) (err error) {
			found, err = d.Consoles(ctx, []provisioner.ConsoleQuery{query})
			return err
		})
		switch {
		case ctx.Err() != nil:
			return errors.Join(context.Cause(ctx), err)
		case errors.Is(err, provisioner.ErrHostUnreachable):
			moved = time.Now()
		case err != nil:
			return err
		case len(found[0].Lines) > 0:
			return nil
		case found[0].End != end:
			query.After, end, moved = found[0].Next, found[0].End, time.Now()
		case time.Since(moved) > silence:
			return fmt.Errorf("%s did not print %q, nor anything else for %s", g.name, text, silence)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
