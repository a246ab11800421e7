// Package sample builds the sample image: a small Linux made on the spot from Debian packages, which stands in
// for a group's own image in the demo, in tests and on a newcomer's machine. Nothing binary is kept in the
// repository; what Build makes is cached under a hash of its recipe.
//
// # What the image is
//
// A 1 GiB disk with a FAT partition (SYSLINUX, Debian's cloud kernel 6.1 and an initramfs) and an ext4 root with
// BusyBox, Dropbear and netcat. It boots under BIOS with virtio devices in about two seconds and then
//
//   - takes its address, name, search domain, MTU and routes by DHCP on eth0;
//   - reads a NoCloud seed from a disk labelled cidata: local-hostname, instance-id and public-keys of meta-data,
//     and vendor-data and user-data that begin with #! (run at each boot, vendor-data first). Of #cloud-config it
//     understands ssh_authorized_keys and nothing else, and says so on the console;
//   - starts SSH with keys only, for root and volary; its host keys are made at the first boot of an instance;
//   - prints "volary: ready" on the serial console, and offers a login there;
//   - powers off cleanly at the ACPI power button.
//
// On the serial console root has no password: whoever reads the console owns the node. That suits a sample and
// nothing else.
//
// # How it is made
//
// Without loop devices and mounts: apt-get downloads, dpkg-deb unpacks, mke2fs -d and mtools fill the two
// file systems, this package writes the initramfs and the partition table, and qemu-img compresses the result.
// SYSLINUX and mtools are taken from their packages and need not be installed.
package sample
