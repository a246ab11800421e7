// Package sample builds the sample image: a small Linux made on the spot from Debian packages, which stands in
// for a group's own image in the demo, in tests and on a newcomer's machine. Nothing binary is kept in the
// repository; what Build makes is cached under a hash of its recipe.
//
// # What the image is
//
// A 1 GiB disk with a FAT partition (SYSLINUX, Debian's cloud kernel 6.1 and an initramfs) and an ext4 root with
// BusyBox, Dropbear and netcat. It boots under BIOS with virtio devices in two to three seconds and then
//
//   - takes its address, name, search domain, MTU and routes by DHCP on eth0;
//   - reads a NoCloud seed from a disk labelled cidata: local-hostname, instance-id and public-keys of meta-data,
//     and vendor-data and user-data that begin with #! (run at each boot, vendor-data first). Of #cloud-config it
//     understands ssh_authorized_keys and nothing else, and says so on the console;
//   - starts SSH with keys only, for root and volary; an instance's host key is made after it said that it is ready,
//     or for the client that comes before;
//   - prints "volary: ready" on the serial console, and offers a login there;
//   - powers off cleanly at the ACPI power button.
//
// What an emulated processor would spend on things of no use here is left out: translating the kernel's defences
// against other users of a machine that has one, signatures of modules that apt has verified, programs where the
// shell can do it alone.
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
