package qemu

import (
	"encoding/json"
	"fmt"

	"volary.dev/provisioner"
)

// What a node's QEMU finds open, in the order in which process.start gives it.
const (
	fdMonitor = 3 + iota
	fdConsole
	fdAgent
	fdNetwork
)

// Slots of a node's devices on the machine's first PCI bus: those of package domainxml, so that a guest finds at home what it finds
// at a provider.
const (
	slotNetwork = 2 + iota
	slotDisk
	slotSeed
	slotRandom
	slotAgent
)

// agentPort is the name by which guests find the agent's port.
const agentPort = "org.qemu.guest_agent.0"

// emulatedCPU is package domainxml's: x86-64-v2, and nothing that is slow to emulate.
const emulatedCPU = "Nehalem"

// disks are the files of one node.
type disks struct {
	overlay, seed string
	base          Disk
	firmware      *firmware // nil: BIOS
	vars          string
}

// arguments describe the machine of a node, as package domainxml does to libvirt.
func arguments(n provisioner.NodeSpec, d disks) ([]string, error) {
	if n.Shape.VCPUs < 1 || n.Shape.MemoryMiB < 1 || len(n.MAC) != 6 {
		return nil, fmt.Errorf("node %s: %d vCPUs, %d MiB, MAC %q: cannot be described", n.Name, n.Shape.VCPUs, n.Shape.MemoryMiB, n.MAC)
	}
	machine, accelerator, cpu := n.MachineType, "tcg", n.CPU
	if machine == "" {
		machine = "q35"
	}
	switch {
	case n.Acceleration == provisioner.AccelerationKVM && cpu == "":
		accelerator, cpu = "kvm", "host"
	case n.Acceleration == provisioner.AccelerationKVM:
		accelerator = "kvm"
	case cpu == "":
		cpu = emulatedCPU
	}
	args := []string{
		"-name", "volary-" + n.Name, "-uuid", n.ID.String(), "-no-user-config", "-nodefaults", "-display", "none",
		"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
		"-machine", machine, "-accel", accelerator, "-cpu", cpu, "-m", fmt.Sprint(n.Shape.MemoryMiB), "-smp", fmt.Sprint(n.Shape.VCPUs), "-rtc", "base=utc",
		"-chardev", fmt.Sprintf("socket,id=monitor,fd=%d", fdMonitor), "-mon", "chardev=monitor,mode=control",
		"-chardev", fmt.Sprintf("socket,id=console,fd=%d", fdConsole), "-serial", "chardev:console",
		"-chardev", fmt.Sprintf("socket,id=agent,fd=%d", fdAgent),
		"-netdev", fmt.Sprintf("socket,id=network,fd=%d", fdNetwork),
		"-device", device("virtio-net-pci", slotNetwork) + ",netdev=network,romfile=,mac=" + n.MAC.String(),
		"-device", device("virtio-blk-pci", slotDisk) + ",drive=disk,bootindex=1",
		"-device", device("virtio-blk-pci", slotSeed) + ",drive=seed",
		"-object", "rng-random,id=random,filename=/dev/urandom", "-device", device("virtio-rng-pci", slotRandom) + ",rng=random",
		"-device", device("virtio-serial-pci", slotAgent) + ",id=serial", "-device", "virtserialport,bus=serial.0,chardev=agent,name=" + agentPort,
	}
	// Every format is named, and every file that may be opened: no header leads to another one.
	for _, node := range []map[string]any{
		{"node-name": "base", "driver": d.base.Format, "read-only": true, "file": file(d.base.Path, true)},
		{"node-name": "disk", "driver": "qcow2", "discard": "unmap", "file": file(d.overlay, false), "backing": "base"},
		{"node-name": "seed", "driver": "raw", "read-only": true, "file": file(d.seed, true)},
	} {
		if node["driver"] == "qcow2" && node["backing"] == nil {
			node["backing"] = nil
		}
		text, err := json.Marshal(node)
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", n.Name, err)
		}
		args = append(args, "-blockdev", string(text))
	}
	if d.firmware != nil {
		uefi, err := d.firmware.arguments(d.vars)
		if err != nil {
			return nil, err
		}
		args = append(args, uefi...)
	}
	return args, nil
}

func device(kind string, slot int) string { return fmt.Sprintf("%s,bus=pcie.0,addr=%#x", kind, slot) }

func file(path string, readOnly bool) map[string]any {
	return map[string]any{"driver": "file", "filename": path, "read-only": readOnly}
}
