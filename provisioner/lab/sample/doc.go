// Package sample builds the sample image: a small Linux made on the spot from Debian packages, which stands in
// for a group's own image in the demo, in tests and on a newcomer's machine. Nothing binary is kept in the
// repository; what Build makes is cached under a hash of its recipe.
//
// # What the image is
//
// A 1 GiB disk with a FAT partition (SYSLINUX, Debian's cloud kernel 6.1 and an initramfs) and an ext4 root with
// BusyBox, Dropbear, netcat and QEMU's guest agent. It boots under BIOS with virtio devices in about two seconds and then
//
//   - takes its address, name, search domain, MTU and routes by DHCP on eth0;
//   - reads a NoCloud seed from a disk labelled cidata: local-hostname, instance-id and public-keys of meta-data,
//     and vendor-data and user-data that begin with #! (run at each boot, vendor-data first). Of #cloud-config it
//     understands ssh_authorized_keys and nothing else, and says so on the console;
//   - starts SSH with keys only, for root and volary; an instance's host key is made after it said that it is ready,
//     or for the client that comes before;
//   - prints "volary: ready" on the console, and offers a login there;
//   - starts the guest agent then, where the machine has its port;
//   - powers off cleanly at the ACPI power button.
//
// # What is left out for speed
//
// What an emulated processor would spend on things of no use here is left out: translating the kernel's defences
// against other users of a machine that has one, signatures of modules that apt has verified, programs where the
// shell can do it alone. Decided and measured on 2026-11-22 (QEMU 7.2 without hardware virtualisation, one vCPU,
// 256 MiB, the domain that package domainxml describes; from QEMU's start to "volary: ready", medians of nine starts
// taken in turn, their scatter a twentieth):
//
//   - Together: 2.8 s before, 2.2 s after. Of it are now 0.1 s QEMU and BIOS, 0.25 s SYSLINUX reading 17 MB, 0.2 s
//     unpacking the kernel, 1.0 s kernel, 0.6 s from init on.
//   - Devices on the first PCI bus and no port for each (domainxml): 0.2 s, for every image.
//   - initcall_blacklist: 0.3 s. The checks of ftrace's sites and trace_eval_init go through all symbols and events,
//     tracer_init_tracefs makes a folder of each event, the kfunc and BTF calls parse four megabytes of types. Without
//     them the guest has no trace events under /sys/kernel/tracing and no BPF functions that need types. cubictcp is
//     one of them, so that TCP's congestion control is reno.
//   - lsm= (no AppArmor, no TOMOYO): 0.1 s. rodata=off (no walk over all page tables): up to 0.1 s. The rest of the
//     command line: 0.05 s.
//   - Clusters of 32 KiB in the boot partition: 0.1 s. SYSLINUX read 142 single sectors of the allocation table,
//     each for a compressed cluster of the qcow2.
//   - One modprobe for fifteen insmod, one mount -a for nine mounts, ifconfig for ip, seed scripts run where they lie:
//     0.05 s.
//
// Tried and left: nolapic_timer saves the 0.1 s of the APIC timer's calibration, but costs machines with two
// processors high resolution timers and an idle clock. A qcow2 without compression saves 0.05 s, which the canonical
// form of package image, always compressed, takes back. LZ4 at its highest level: Debian's kernel has it already.
// ipv6.disable, cgroup_disable=memory, retain_initrd, pcie_ports=compat, noreplace-paravirt, no keyboard, a machine
// without SMM or HPET: nothing above the scatter; an i440fx: 0.35 s slower. What is left is spread: patching 56,000
// call and return sites takes 0.15 s, which no parameter stops, and no other initcall more than 0.02 s.
//
// On the console root has no password: whoever reads the console owns the node. That suits a sample and
// nothing else.
//
// # Its twin that only UEFI starts
//
// BuildUEFI makes the same Linux on a disk with a GPT, without boot code, and with systemd-boot as EFI/BOOT/BOOTX64.EFI. It wants
// 256 MiB: with 128 the kernel, whose place nokaslr fixes, does not fit beside the firmware. Measured on 2026-11-30 (OVMF 2022.11,
// otherwise as above): "volary: ready" after 8 s, of which OVMF and the loader take six.
//
// # How it is made
//
// Without loop devices and mounts: apt-get downloads, dpkg-deb unpacks, mke2fs -d and mtools fill the two
// file systems, this package writes the initramfs and the partition table, and qemu-img compresses the result.
// SYSLINUX and mtools are taken from their packages and need not be installed.
package sample
