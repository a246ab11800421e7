//go:build libvirt

package libvirt

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/nethook"
)

// Facts implements provisioner.Driver.
func (d *Driver) Facts(ctx context.Context) (provisioner.HostFacts, error) {
	var f provisioner.HostFacts
	err := d.change(ctx, "facts", "facts", func(conn *libvirt.Connect) error {
		for _, ask := range []func(*libvirt.Connect, *provisioner.HostFacts) error{machineFacts, versionFacts, firmwareFacts, storageFacts} {
			if err := ask(conn, &f); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = d.askFacts(ctx, &f)
	}
	if err != nil {
		return provisioner.HostFacts{}, err
	}
	return f, nil
}

func machineFacts(conn *libvirt.Connect, f *provisioner.HostFacts) error {
	var err error
	if f.UUID, err = uuidOf(conn); err != nil {
		return err
	}
	if f.Hostname, err = conn.GetHostname(); err != nil {
		return err
	}
	info, err := conn.GetNodeInfo()
	if err != nil {
		return err
	}
	f.VCPUs, f.MemoryMiB = int(info.Cpus), int(info.Memory>>10)
	f.CPUModel, err = processorOf(conn, info.Model)
	return err
}

// processorOf names the host's processor: as its firmware has it, else by libvirt's own model, else by its architecture.
func processorOf(conn *libvirt.Connect, architecture string) (string, error) {
	if name := firmwareProcessor(conn); name != "" {
		return name, nil
	}
	caps, _, err := capabilities(conn)
	if err != nil {
		return "", err
	}
	if cpu := caps.Host.CPU; cpu != nil && cpu.Model != "" {
		return provisioner.ProcessorName(cpu.Vendor + " " + cpu.Model), nil
	}
	return provisioner.ProcessorName(architecture), nil
}

// firmwareProcessor is what the machine's tables say; empty where libvirt cannot read them, which needs dmidecode on x86.
func firmwareProcessor(conn *libvirt.Connect) string {
	text, err := conn.GetSysinfo(0)
	if err != nil {
		return ""
	}
	var info struct {
		Processors []struct {
			Entries []struct {
				Name  string `xml:"name,attr"`
				Value string `xml:",chardata"`
			} `xml:"entry"`
		} `xml:"processor"`
	}
	if xml.Unmarshal([]byte(text), &info) != nil {
		return ""
	}
	for _, p := range info.Processors {
		for _, e := range p.Entries {
			if name := provisioner.ProcessorName(e.Value); e.Name == "version" && name != "" && name != "Not Specified" {
				return name
			}
		}
	}
	return ""
}

func capabilities(conn *libvirt.Connect) (caps libvirtxml.Caps, text string, err error) {
	if text, err = conn.GetCapabilities(); err != nil {
		return caps, "", err
	}
	if err := caps.Unmarshal(text); err != nil {
		return caps, "", fmt.Errorf("capabilities: %w", err)
	}
	return caps, text, nil
}

func uuidOf(conn *libvirt.Connect) (uuid.UUID, error) {
	caps, text, err := capabilities(conn)
	if err != nil {
		return uuid.Nil, err
	}
	id, err := uuid.Parse(caps.Host.UUID)
	if err != nil {
		return uuid.NewSHA1(uuid.NameSpaceURL, []byte(text)), nil //nolint:nilerr // libvirt's own test driver has none
	}
	return id, nil
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

// firmwareFacts asks which firmware a node could have: libvirt finds out by the descriptors that firmware's packages bring.
func firmwareFacts(conn *libvirt.Connect, f *provisioner.HostFacts) error {
	if simulated, err := isSimulated(conn); simulated || err != nil {
		f.UEFI = simulated
		return err
	}
	text, err := conn.GetDomainCapabilities("", "x86_64", "q35", string(domainxml.VirtQEMU), 0)
	if err != nil {
		return err
	}
	f.UEFI, err = domainxml.OffersUEFI(text)
	return err
}

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
		f.StoragePath, err = folderOf(pool)
		return err
	})
}

// askFacts asks the hook: libvirt passes over a missing one in silence.
func (d *Driver) askFacts(ctx context.Context, f *provisioner.HostFacts) error {
	f.ConsoleCap = provisioner.UnknownConsoleCap
	if d.simulated {
		return nil
	}
	a, err := d.ask(ctx, "facts", nethook.Question{})
	if errors.Is(err, errHookSilent) {
		return nil
	}
	if err != nil {
		return err
	}
	hookFacts(f, a)
	return nil
}

// hookFacts adds what the hook answers. A node whose variables it refuses to overwrite could never be deleted where disks are overwritten.
func hookFacts(f *provisioner.HostFacts, a nethook.Answer) {
	f.HookAnswers, f.ConsoleCap = true, a.ConsoleCap
	f.HookOlder = !a.Vars
	f.UEFI = f.UEFI && a.Vars
}
