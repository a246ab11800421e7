//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/nethook"
)

// EnsureNetwork implements provisioner.Driver. libvirt reports success for a change whose hook failed, so what counts is
// the hook's own report of this very change.
func (d *Driver) EnsureNetwork(ctx context.Context, n provisioner.Network) error {
	op := fmt.Sprintf("network %d", n.VNI)
	nonce, err := newNonce()
	if err != nil {
		return err
	}
	return d.change(ctx, nethook.NetworkName(n.VNI), op, func(conn *libvirt.Connect) error {
		name := nethook.NetworkName(n.VNI)
		have, err := conn.LookupNetworkByName(name)
		if missing(err) {
			return d.createNetwork(conn, op, n, nonce)
		}
		if err != nil {
			return err
		}
		defer have.Free()
		current, err := have.GetXMLDesc(0)
		if err != nil {
			return err
		}
		if setting, settled := domainxml.Settled(current, n); settled && d.isPoked(n.VNI) {
			if report, err := readReport(conn, name); err == nil && report.Error == "" && setting == nethook.GenerationSetting(report.Generation, report.Nonce) {
				return nil
			}
		}
		changes, err := domainxml.Changes(current, n, nonce)
		if err != nil {
			return refused(op, err.Error(), err)
		}
		for _, c := range changes {
			if err := apply(have, c); err != nil {
				return err
			}
		}
		return d.confirm(conn, op, n, nonce)
	})
}

func (d *Driver) createNetwork(conn *libvirt.Connect, op string, n provisioner.Network, nonce string) error {
	xml, err := domainxml.Network(n, nonce)
	if err != nil {
		return refused(op, err.Error(), err)
	}
	// Not defined, only started: it is gone when the host restarts, as are the machines in it.
	net, err := conn.NetworkCreateXML(xml)
	if err != nil {
		return err
	}
	defer net.Free()
	if err := d.confirm(conn, op, n, nonce); err != nil {
		return errors.Join(err, net.Destroy())
	}
	return nil
}

func apply(n *libvirt.Network, c domainxml.Change) error {
	section := map[domainxml.Section]libvirt.NetworkUpdateSection{
		domainxml.SectionPortGroup: libvirt.NETWORK_SECTION_PORTGROUP,
		domainxml.SectionDHCPHost:  libvirt.NETWORK_SECTION_IP_DHCP_HOST,
		domainxml.SectionDNSHost:   libvirt.NETWORK_SECTION_DNS_HOST,
	}[c.Section]
	command := libvirt.NETWORK_UPDATE_COMMAND_ADD_LAST
	if c.Delete {
		command = libvirt.NETWORK_UPDATE_COMMAND_DELETE
	}
	return n.Update(command, section, -1, c.XML, libvirt.NETWORK_UPDATE_AFFECT_LIVE)
}

// errHookSilent says that the hook did not report what it was asked for.
var errHookSilent = errors.New("the network hook did not answer; install the volary program as /etc/libvirt/hooks/network, with its run bit, and restart libvirtd")

// confirm reads the hook's report. libvirt has waited for the hook, so it is there now or never.
func (d *Driver) confirm(conn *libvirt.Connect, op string, n provisioner.Network, nonce string) error {
	if simulated, err := isSimulated(conn); simulated || err != nil {
		return err
	}
	report, err := readReport(conn, nethook.NetworkName(n.VNI))
	switch {
	case missing(err), err == nil && report.Nonce != nonce:
		return &provisioner.HostError{Op: op, Detail: errHookSilent.Error(), Err: errHookSilent}
	case err != nil:
		return err
	case report.Error != "":
		return hookFailed(op, report.Error)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.poked[n.VNI] = true
	return nil
}

// lockPort has the hook lock the port of a guest that was started: libvirt tells the hook of a port before it is there and
// not again. The rules that stop frames of strange MACs were there before; this takes the bridge's learning away, too.
func (d *Driver) lockPort(ctx context.Context, op string, vni uint32, mac net.HardwareAddr) error {
	name, port := nethook.NetworkName(vni), nethook.PortName(vni, mac)
	return d.change(ctx, name, op, func(conn *libvirt.Connect) error {
		if simulated, err := isSimulated(conn); simulated || err != nil {
			return err
		}
		// Of guests that start together the first poke finds the others' ports, too.
		if report, err := readReport(conn, name); err != nil || slices.Contains(report.Ports, port) {
			return err
		}
		if err := poke(conn, name); err != nil {
			return err
		}
		report, err := readReport(conn, name)
		switch {
		case err != nil:
			return err
		case report.Error != "":
			return hookFailed(op, report.Error)
		case !slices.Contains(report.Ports, port):
			return &provisioner.HostError{Op: op, Detail: "the network hook did not find the port " + port + " of the guest"}
		}
		return nil
	})
}

// poke makes the hook apply a network as it is, by replacing the generation by itself.
func poke(conn *libvirt.Connect, name string) error {
	n, err := conn.LookupNetworkByName(name)
	if err != nil {
		return err
	}
	defer n.Free()
	current, err := n.GetXMLDesc(0)
	if err != nil {
		return err
	}
	again, err := domainxml.Again(current)
	if err != nil {
		return err
	}
	return n.Update(libvirt.NETWORK_UPDATE_COMMAND_MODIFY, libvirt.NETWORK_SECTION_PORTGROUP, -1, again.XML, libvirt.NETWORK_UPDATE_AFFECT_LIVE)
}

// isPoked says whether this driver has seen the hook apply the network. A driver that has not makes the hook apply it
// once more: rules may have been flushed since, and libvirtd's own restart calls no hook.
func (d *Driver) isPoked(vni uint32) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.poked[vni]
}

func readReport(conn *libvirt.Connect, network string) (nethook.Report, error) {
	b, err := readReportFile(conn, nethook.ReportName(network), 1<<20)
	if err != nil {
		return nethook.Report{}, err
	}
	return nethook.ParseReport(b)
}

// readReportFile reads at most limit bytes of a file that the hook wrote.
func readReportFile(conn *libvirt.Connect, name string, limit int64) (b []byte, err error) {
	err = withPool(conn, domainxml.ReportPool, domainxml.ReportDir, func(pool *libvirt.StoragePool) error {
		if err := refresh(pool); err != nil {
			return err
		}
		b, err = readVolume(conn, pool, name, limit)
		return err
	})
	return b, err
}

// DeleteNetwork implements provisioner.Driver.
func (d *Driver) DeleteNetwork(ctx context.Context, vni uint32) error {
	return d.change(ctx, nethook.NetworkName(vni), fmt.Sprintf("delete network %d", vni), func(conn *libvirt.Connect) error {
		n, err := conn.LookupNetworkByName(nethook.NetworkName(vni))
		if missing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		defer n.Free()
		if err := n.Destroy(); err != nil && !missing(err) {
			return err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.poked, vni)
		return nil
	})
}

// Addresses implements provisioner.Driver.
func (d *Driver) Addresses(ctx context.Context, vni uint32) (map[string]netip.Addr, error) {
	all := map[string]netip.Addr{}
	err := d.calls.call(ctx, fmt.Sprintf("addresses of network %d", vni), func(conn *libvirt.Connect) error {
		n, err := conn.LookupNetworkByName(nethook.NetworkName(vni))
		if missing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		defer n.Free()
		given, err := n.GetDHCPLeases()
		if err != nil {
			return err
		}
		for _, l := range given {
			if a, err := netip.ParseAddr(l.IPaddr); err == nil && a.Is4() {
				all[strings.ToLower(l.Mac)] = a
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}
