package domainxml

import (
	"encoding/xml"
	"fmt"
	"slices"

	"libvirt.org/go/libvirtxml"

	"volary.dev/provisioner"
	"volary.dev/provisioner/nethook"
)

// VirtType is libvirt's word for how a machine runs.
type VirtType string

// The types of machines.
const (
	VirtKVM  VirtType = "kvm"
	VirtQEMU VirtType = "qemu" // TCG
	VirtTest VirtType = "test" // libvirt's own test driver
)

// TypeOf is the type of machine that an acceleration asks for.
func TypeOf(a provisioner.Acceleration) VirtType {
	if a == provisioner.AccelerationKVM {
		return VirtKVM
	}
	return VirtQEMU
}

// emulatedCPU is what a node gets under TCG where its pool names no model: x86-64-v2, which today's distributions ask
// for, and nothing that is slow to emulate.
const emulatedCPU = "Nehalem"

// Node describes the domain of one start of a node, whose disk stands on the base image at a path of the host.
func Node(n provisioner.NodeSpec, virt VirtType, nonce, basePath string) (string, error) {
	if n.Shape.VCPUs < 1 || n.Shape.MemoryMiB < 1 || len(n.MAC) != 6 {
		return "", fmt.Errorf("node %s: %d vCPUs, %d MiB, MAC %q: cannot be described", n.Name, n.Shape.VCPUs, n.Shape.MemoryMiB, n.MAC)
	}
	meta, err := nodeMetadata(n)
	if err != nil {
		return "", err
	}
	machine := n.MachineType
	if machine == "" {
		machine = "q35"
	}
	d := libvirtxml.Domain{
		Type: string(virt), Name: DomainName(n.ID, nonce), UUID: n.ID.String(), Title: n.Name,
		Metadata: &libvirtxml.DomainMetadata{XML: meta},
		Memory:   &libvirtxml.DomainMemory{Value: uint(n.Shape.MemoryMiB), Unit: "MiB"},
		VCPU:     &libvirtxml.DomainVCPU{Value: uint(n.Shape.VCPUs)},
		OS:       &libvirtxml.DomainOS{Type: &libvirtxml.DomainOSType{Arch: "x86_64", Machine: machine, Type: "hvm"}},
		Features: &libvirtxml.DomainFeatureList{ACPI: &libvirtxml.DomainFeature{}, APIC: &libvirtxml.DomainFeatureAPIC{}},
		CPU:      cpu(n, virt),
		Clock:    &libvirtxml.DomainClock{Offset: "utc"},
		// A guest that panics stays off: its console log has the reason, and its run ends.
		OnPoweroff: "destroy", OnReboot: "restart", OnCrash: "destroy",
		Devices: devices(n, basePath),
	}
	if n.Firmware.NeedsUEFI() {
		startByUEFI(&d, n)
	}
	if virt == VirtTest {
		d.OS.Type.Machine, d.OS.Type.Arch, d.CPU = "", "", nil
		d.OS.Firmware, d.OS.FirmwareInfo, d.OS.NVRam = "", nil, nil
	}
	out, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("node %s: %w", n.Name, err)
	}
	return out, nil
}

// startByUEFI lets the host choose among the firmware that its own descriptors name, without Secure Boot; they say which template a
// node's variables begin as, too, and in which format. Where the variables lie is ours to say: by the node and not by the start of
// it, so that they last as long as its disk.
func startByUEFI(d *libvirtxml.Domain, n provisioner.NodeSpec) {
	d.OS.Firmware = "efi"
	d.OS.FirmwareInfo = &libvirtxml.DomainOSFirmwareInfo{Features: []libvirtxml.DomainOSFirmwareFeature{
		{Enabled: "no", Name: "enrolled-keys"}, {Enabled: "no", Name: "secure-boot"},
	}}
	d.OS.NVRam = &libvirtxml.DomainNVRam{NVRam: nethook.VarsFile(n.ID)}
}

// VarsOf gives the path of the UEFI variables that a domain's XML names; empty where it starts by BIOS.
func VarsOf(domainXML string) (string, error) {
	var d libvirtxml.Domain
	if err := d.Unmarshal(domainXML); err != nil {
		return "", fmt.Errorf("domain: %w", err)
	}
	if d.OS == nil || d.OS.NVRam == nil {
		return "", nil
	}
	return d.OS.NVRam.NVRam, nil
}

// OffersUEFI tells by a host's capabilities of domains whether it has UEFI firmware, and some that does without Secure Boot.
func OffersUEFI(capabilities string) (bool, error) {
	var c libvirtxml.DomainCaps
	if err := c.Unmarshal(capabilities); err != nil {
		return false, fmt.Errorf("capabilities of domains: %w", err)
	}
	if c.OS == nil || c.OS.Loader == nil {
		return false, nil
	}
	return offers(c.OS.Enums, "firmware", "efi") && offers(c.OS.Loader.Enums, "secure", "no"), nil
}

func offers(all []libvirtxml.DomainCapsEnum, name, value string) bool {
	return slices.ContainsFunc(all, func(e libvirtxml.DomainCapsEnum) bool { return e.Name == name && slices.Contains(e.Values, value) })
}

func cpu(n provisioner.NodeSpec, virt VirtType) *libvirtxml.DomainCPU {
	model := n.CPU
	if model == "" && virt == VirtKVM {
		return &libvirtxml.DomainCPU{Mode: "host-model"}
	}
	if model == "" {
		model = emulatedCPU
	}
	return &libvirtxml.DomainCPU{Mode: "custom", Match: "exact", Check: "none", Model: &libvirtxml.DomainCPUModel{Fallback: "forbid", Value: model}}
}

func devices(n provisioner.NodeSpec, basePath string) *libvirtxml.DomainDeviceList {
	port := uint(0)
	log := &libvirtxml.DomainChardevLog{File: nethook.ConsoleFile(n.ID), Append: "on"}
	return &libvirtxml.DomainDeviceList{
		Disks: []libvirtxml.DomainDisk{
			{
				Device: "disk", Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: "qcow2", Discard: "unmap"},
				Source: volumeSource(OverlayVolume(n.ID)), Target: &libvirtxml.DomainDiskTarget{Dev: "vda", Bus: "virtio"},
				BackingStore: chain(basePath),
				Boot:         &libvirtxml.DomainDeviceBoot{Order: 1}, Address: rootBus(slotDisk),
			},
			{
				// A virtio disk and no CD-ROM: Debian's cloud kernel has no driver for the latter.
				Device: "disk", Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: "raw"},
				Source: volumeSource(SeedVolume(n.ID)), Target: &libvirtxml.DomainDiskTarget{Dev: "vdb", Bus: "virtio"},
				BackingStore: &libvirtxml.DomainDiskBackingStore{},
				ReadOnly:     &libvirtxml.DomainDiskReadOnly{}, Address: rootBus(slotSeed),
			},
		},
		Controllers: []libvirtxml.DomainController{{Type: "usb", Model: "none"}, {Type: "virtio-serial", Index: new(uint), Address: rootBus(slotAgent)}},
		Interfaces: []libvirtxml.DomainInterface{{
			MAC:    &libvirtxml.DomainInterfaceMAC{Address: n.MAC.String()},
			Source: &libvirtxml.DomainInterfaceSource{Network: &libvirtxml.DomainInterfaceSourceNetwork{Network: nethook.NetworkName(n.VNI)}},
			Target: &libvirtxml.DomainInterfaceTarget{Dev: nethook.PortName(n.VNI, n.MAC)},
			Model:  &libvirtxml.DomainInterfaceModel{Type: "virtio"},
			ROM:    &libvirtxml.DomainROM{Enabled: "no"}, // no network boot: it would cost seconds

			Address: rootBus(slotNetwork),
		}},
		Serials: []libvirtxml.DomainSerial{{
			Source: &libvirtxml.DomainChardevSource{Pty: &libvirtxml.DomainChardevSourcePty{}}, Target: &libvirtxml.DomainSerialTarget{Port: &port}, Log: log,
		}},
		Consoles: []libvirtxml.DomainConsole{{
			Source: &libvirtxml.DomainChardevSource{Pty: &libvirtxml.DomainChardevSourcePty{}},
			Target: &libvirtxml.DomainConsoleTarget{Type: "serial", Port: &port}, Log: log,
		}},
		Channels: []libvirtxml.DomainChannel{{
			Source: &libvirtxml.DomainChardevSource{UNIX: &libvirtxml.DomainChardevSourceUNIX{}},
			Target: &libvirtxml.DomainChannelTarget{VirtIO: &libvirtxml.DomainChannelTargetVirtIO{Name: AgentPort}},
		}},
		MemBalloon: &libvirtxml.DomainMemBalloon{Model: "none"},
		RNGs: []libvirtxml.DomainRNG{{
			Model: "virtio", Backend: &libvirtxml.DomainRNGBackend{Random: &libvirtxml.DomainRNGBackendRandom{Device: "/dev/urandom"}},
			Address: rootBus(slotRandom),
		}},
	}
}

// chain names what a disk stands on, and that there is no more below it. Left to itself libvirtd reads the chain from the
// disk's own header at each start, and opens what that names.
func chain(basePath string) *libvirtxml.DomainDiskBackingStore {
	return &libvirtxml.DomainDiskBackingStore{
		Format: &libvirtxml.DomainDiskFormat{Type: "qcow2"}, Source: &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: basePath}},
		BackingStore: &libvirtxml.DomainDiskBackingStore{},
	}
}

// Slots of a node's devices. Number 1 is the i440fx's own bridge to ISA.
const (
	slotNetwork = 2 + iota
	slotDisk
	slotSeed
	slotRandom
	slotAgent
)

// AgentPort is the port by which a guest's agent and the host speak; guests find it by this name.
const AgentPort = "org.qemu.guest_agent.0"

// rootBus places a device on the machine's first PCI bus. Left to itself libvirt gives each a PCI Express port of its own
// and one to spare: five bridges that firmware and kernel look behind at every boot, a quarter of a second where the
// processor is emulated, so that devices could be plugged in while a node runs, which nothing here does.
func rootBus(slot uint) *libvirtxml.DomainAddress {
	domain, bus, function := uint(0), uint(0), uint(0)
	return &libvirtxml.DomainAddress{PCI: &libvirtxml.DomainAddressPCI{Domain: &domain, Bus: &bus, Slot: &slot, Function: &function}}
}

func volumeSource(volume string) *libvirtxml.DomainDiskSource {
	return &libvirtxml.DomainDiskSource{Volume: &libvirtxml.DomainDiskSourceVolume{Pool: ImagePool, Volume: volume}}
}

// nodeMetadata lets a person on the host see what a domain belongs to.
func nodeMetadata(n provisioner.NodeSpec) (string, error) {
	out, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"volary:node"`
		Space   string   `xml:"xmlns:volary,attr"`
		Cluster string   `xml:"cluster,attr"`
		Name    string   `xml:"name,attr"`
		Image   string   `xml:"image,attr"`
	}{Space: nethook.Namespace, Cluster: n.ClusterID.String(), Name: n.Name, Image: n.ImageDigest})
	if err != nil {
		return "", fmt.Errorf("node %s: %w", n.Name, err)
	}
	return string(out), nil
}
