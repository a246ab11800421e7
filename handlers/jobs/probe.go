package jobs

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
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
	"volary.dev/store/machines"
)

// probes are the guests of one host's check: one that shows which acceleration boots, and a pair, one of them on
// another host, that shows that a packet arrives. They are in one sealed network of their own. Checks of several hosts
// at once do not meet: VNI, subnet and ids come from the host that is checked.
type probes struct {
	*hostCheck
	image  loops.ProbeImage
	nonce  string
	peer   *machines.Host
	vni    uint32
	subnet netip.Prefix
	used   bool // something was begun on a host
}

// checkPrefix is RFC 2544's, for measurements between devices: no real network has it.
const checkPrefix = "198.18.0.0"

func newProbes(k *hostCheck) *probes {
	p := &probes{hostCheck: k, nonce: hex.EncodeToString(k.host.ID[8:])}
	p.vni = loops.FirstCheckVNI + binary.BigEndian.Uint32(k.host.ID[12:])%700_000
	index := max(0, slices.IndexFunc(k.pool, func(h machines.Host) bool { return h.ID == k.host.ID }))
	base := netip.MustParseAddr(checkPrefix).As4()
	binary.BigEndian.PutUint32(base[:], binary.BigEndian.Uint32(base[:])+uint32(index%8192)*16)
	p.subnet = netip.PrefixFrom(netip.AddrFrom4(base), 28)
	p.peer = choosePeer(k.host, k.pool)
	return p
}

// choosePeer prefers a fit host; hosts that are checked at the same time show what each other can do.
func choosePeer(host machines.Host, pool []machines.Host) *machines.Host {
	var second *machines.Host
	for i, h := range pool {
		switch {
		case h.ID == host.ID:
		case h.Fit:
			return &pool[i]
		case h.CheckState == "running" && second == nil:
			second = &pool[i]
		}
	}
	return second
}

// id is the same in every check of the host.
func (p *probes) id(name string) uuid.UUID { return uuid.NewSHA1(p.host.ID, []byte("check "+name)) }

// names are all guests of a check, in the order of their addresses.
func (p *probes) names() []string {
	return []string{"head", "compute-001", "probe-kvm", "probe-tcg", "probe-console"}
}

func (p *probes) entries() []provisioner.NetworkEntry {
	var list []provisioner.NetworkEntry
	at := p.subnet.Addr().Next().Next()
	for i, name := range p.names() {
		mac := net.HardwareAddr{0x52, 0x54, byte(p.vni >> 16 & 0xff), byte(p.vni >> 8 & 0xff), byte(p.vni & 0xff), byte(i + 2)}
		e := provisioner.NetworkEntry{Name: name, MAC: mac, IP: at, Host: p.host.Underlay}
		if name == "head" && p.peer != nil {
			e.Host = p.peer.Underlay
		}
		list = append(list, e)
		at = at.Next()
	}
	return list
}

func (p *probes) network(on, other machines.Host) provisioner.Network {
	n := provisioner.Network{
		ClusterID: p.id("network"), VNI: p.vni, Subnet: p.subnet, Gateway: p.subnet.Addr().Next(), GatewayMAC: loops.GatewayMAC(p.vni),
		Domain: "check.volary", MTU: 1400, Generation: 1, Underlay: on.Underlay, Sealed: true, Entries: p.entries(),
	}
	if other.ID != uuid.Nil {
		n.Peers = []netip.Addr{other.Underlay}
	}
	return n
}

// with calls f with a host's driver.
func (p *probes) with(ctx context.Context, h machines.Host, f func(provisioner.Driver) error) error {
	return p.Hosts.With(ctx, h.Address, f)
}

// clear removes every guest and network of the check, on both hosts, whether they are there or not.
func (p *probes) clear(ctx context.Context) {
	if !p.used {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	hosts := []machines.Host{p.host}
	if p.peer != nil {
		hosts = append(hosts, *p.peer)
	}
	for _, h := range hosts {
		err := p.with(ctx, h, func(d provisioner.Driver) error {
			// At once: a host is asked once a second, for all of them.
			var all sync.WaitGroup
			errs := make([]error, len(p.names()))
			for i, name := range p.names() {
				all.Go(func() { errs[i] = d.DeleteNode(ctx, p.id(name), false) })
			}
			all.Wait()
			return errors.Join(append(errs, d.DeleteNetwork(ctx, p.vni))...)
		})
		if err != nil {
			p.Log.WarnContext(ctx, "clear host check", "host", h.ID, "error", err)
		}
	}
}

// accelerate finds out what boots. Capabilities are a claim: a host may offer KVM and its guests hang.
func (p *probes) accelerate(ctx context.Context) (string, error) {
	image, err := loops.OpenProbeImage(p.ProbeImage)
	if err != nil {
		return "", err
	}
	p.image, p.used = image, true
	p.clear(ctx) // what a killed check left
	var other machines.Host
	if p.peer != nil {
		other = *p.peer
	}
	if err := p.prepare(ctx, p.host, other); err != nil {
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
	return fmt.Sprintf("a guest booted under TCG in %.1f s, without hardware acceleration; under KVM: %s", time.Since(began).Seconds(), firstLine(kvm)), nil
}

// firstLine is enough of what QEMU has to say.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// prepare makes the image and the network on a host.
func (p *probes) prepare(ctx context.Context, h, other machines.Host) error {
	return p.with(ctx, h, func(d provisioner.Driver) error {
		if err := d.EnsureImage(ctx, p.image.Digest, p.image.Size, p.image.Open); err != nil {
			return err
		}
		return d.EnsureNetwork(ctx, p.network(h, other))
	})
}

// boots starts a guest and waits for it to be ready, for at most limit, and for at most silence where it writes nothing.
func (p *probes) boots(ctx context.Context, a provisioner.Acceleration, silence, limit time.Duration) error {
	name := "probe-" + string(a)
	defer p.remove(ctx, p.host, name)
	if err := p.start(ctx, p.host, name, provisioner.RoleHead, a, 0); err != nil {
		return err
	}
	return p.await(ctx, name, silence, limit, "volary: ready")
}

func (p *probes) remove(ctx context.Context, h machines.Host, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := p.with(ctx, h, func(d provisioner.Driver) error { return d.DeleteNode(ctx, p.id(name), false) }); err != nil {
		p.Log.WarnContext(ctx, "remove probe guest", "host", h.ID, "error", err)
	}
}

func (p *probes) start(ctx context.Context, h machines.Host, name string, role provisioner.Role, a provisioner.Acceleration, fill int64) error {
	entries := p.entries()
	entry := entries[slices.Index(p.names(), name)]
	known := entries[:2:2] // the pair, and the guest itself where it is none of them
	if name != known[0].Name && name != known[1].Name {
		known = append(known, entry)
	}
	seed, err := cloudinit.Seed{
		InstanceID: p.id(name).String(), Hostname: name, Domain: "check.volary", Role: role,
		Nodes: known, Check: &cloudinit.Check{Nonce: p.nonce, Fill: fill},
	}.Build()
	if err != nil {
		return err
	}
	spec := provisioner.NodeSpec{
		ID: p.id(name), ClusterID: p.id("network"), Name: name, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 128, DiskGiB: 1},
		Acceleration: a, MachineType: "q35", ImageDigest: p.image.Digest, VNI: p.vni, MAC: entry.MAC, Seed: seed,
	}
	return p.with(ctx, h, func(d provisioner.Driver) error { return d.EnsureNode(ctx, spec) })
}

// await polls the console of a guest on the host until text stands in it. A guest cannot call us. That the host does not
// answer once says nothing of its guest: it is asked again, and no time counts as the guest's silence.
func (p *probes) await(ctx context.Context, name string, silence, limit time.Duration, text string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s did not print %q within %s", name, text, limit))
	defer cancel()
	ticker := time.NewTicker(p.Probe.Poll)
	defer ticker.Stop()
	query, end, moved := provisioner.ConsoleQuery{Node: p.id(name), Find: []string{text}}, "", time.Now()
	for {
		var found []provisioner.ConsoleText
		err := p.with(ctx, p.host, func(d provisioner.Driver) (err error) {
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
			return fmt.Errorf("%s did not print %q, nor anything else for %s", name, text, silence)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// overlay sends a packet from a guest on this host to a guest on another one, by name, and reads on the console that
// the answer came.
func (p *probes) overlay(ctx context.Context) (string, error) {
	if p.peer == nil {
		return "", skipped("the pool has no other host yet; the next one that is checked shows it")
	}
	began := time.Now()
	on := p.peer.Name
	if err := p.pair(ctx); err != nil {
		if !p.peer.Fit && errors.Is(err, errPeer) {
			// The other host is not fit either: nothing is known of this one.
			return "", skipped(on + ", the only other host, is not ready either: " + err.Error())
		}
		return "", fmt.Errorf("between this host and %s: %w (are UDP port 4789 and the underlay open between them?)", on, err)
	}
	return fmt.Sprintf("a guest here reached one on %s by name, %.1f s after both were started", on, time.Since(began).Seconds()), nil
}

// errPeer says that it was the other host that failed.
var errPeer = errors.New("the other host failed")

func (p *probes) pair(ctx context.Context) error {
	head := make(chan error, 1)
	go func() {
		err := p.prepare(ctx, *p.peer, p.host)
		if err == nil {
			err = p.start(ctx, *p.peer, "head", provisioner.RoleHead, cmp.Or(p.peer.Acceleration, provisioner.AccelerationTCG), 0)
		}
		head <- err
	}()
	err := p.start(ctx, p.host, "compute-001", provisioner.RoleCompute, p.acceleration, 0)
	if herr := <-head; herr != nil {
		return fmt.Errorf("%w: %w", errPeer, herr)
	}
	if err != nil {
		return err
	}
	reached := strings.Join([]string{provisioner.GuestCheckPrefix, p.nonce, "head reached", p.entries()[0].IP.String()}, " ")
	return p.await(ctx, "compute-001", p.Probe.Overlay, p.Probe.Overlay, reached)
}
