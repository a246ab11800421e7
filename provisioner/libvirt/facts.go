//go:build libvirt

package libvirt

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/nethook"
)

// Facts implements provisioner.Driver. It starts a network without an address for a moment, to learn whether the hook is
// there: libvirt passes over a missing one in silence.
func (d *Driver) Facts(ctx context.Context) (provisioner.HostFacts, error) {
	nonce, err := newNonce()
	if err != nil {
		return provisioner.HostFacts{}, err
	}
	var f provisioner.HostFacts
	err = d.change(ctx, "facts", "facts", func(conn *libvirt.Connect) error {
		for _, ask := range []func(*libvirt.Connect, *provisioner.HostFacts) error{machineFacts, versionFacts, storageFacts} {
			if err := ask(conn, &f); err != nil {
				return err
			}
		}
		var err error
		f.HookAnswers, err = hookAnswers(conn, nonce)
		return err
	})
	if err != nil {
		return provisioner.HostFacts{}, err
	}
	return f, nil
}

func machineFacts(conn *libvirt.Connect, f *provisioner.HostFacts) error {
	text, err := conn.GetCapabilities()
	if err != nil {
		return err
	}
	var caps libvirtxml.Caps
	if err := caps.Unmarshal(text); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	if f.UUID, err = uuid.Parse(caps.Host.UUID); err != nil {
		// libvirt's own test driver has none.
		f.UUID = uuid.NewSHA1(uuid.NameSpaceURL, []byte(text))
	}
	if f.Hostname, err = conn.GetHostname(); err != nil {
		return err
	}
	info, err := conn.GetNodeInfo()
	if err != nil {
		return err
	}
	f.VCPUs, f.MemoryMiB = int(info.Cpus), int(info.Memory>>10)
	return nil
}

func versionFacts(conn *libvirt.Connect, f *provisioner.HostFacts) error {
	lib, err := conn.GetLibVersion()
	if err != nil {
		return err
	}
	hypervisor, err := conn.GetVersion()
	if err != nil {
		return err
	}
	f.LibvirtVersion, f.QEMUVersion = version(lib), version(hypervisor)
	return nil
}

// version writes libvirt's 1000000 x major + 1000 x minor + release.
func version(v uint32) string { return fmt.Sprintf("%d.%d.%d", v/1000000, v/1000%1000, v%1000) }

func storageFacts(conn *libvirt.Connect, f *provisioner.HostFacts) error {
	return withImagePool(conn, func(pool *libvirt.StoragePool) error {
		if err := pool.Refresh(0); err != nil && !isCode(err, libvirt.ERR_INTERNAL_ERROR) {
			return err // a pool that is being written to cannot be refreshed; its last figures do
		}
		info, err := pool.GetInfo()
		if err != nil {
			return err
		}
		f.DiskGiB, f.DiskFreeGiB = int(info.Capacity>>30), int(info.Available>>30)
		text, err := pool.GetXMLDesc(0)
		if err != nil {
			return err
		}
		var x libvirtxml.StoragePool
		if err := x.Unmarshal(text); err != nil {
			return fmt.Errorf("pool: %w", err)
		}
		if x.Target != nil {
			f.StoragePath = x.Target.Path
		}
		return nil
	})
}

func hookAnswers(conn *libvirt.Connect, nonce string) (bool, error) {
	if simulated, err := isSimulated(conn); simulated || err != nil {
		return false, err
	}
	if stale, err := conn.LookupNetworkByName(nethook.ProbeName); err == nil {
		_ = stale.Destroy() // of a worker that died
		_ = stale.Free()
	}
	n, err := conn.NetworkCreateXML(domainxml.Probe(nonce))
	if err != nil {
		return false, err
	}
	defer n.Free()
	report, readErr := readReport(conn, nethook.ProbeName)
	if err := n.Destroy(); err != nil {
		return false, err
	}
	if missing(readErr) {
		return false, nil
	}
	return report.Nonce == nonce && report.Protocol == nethook.Protocol, readErr
}
