// Package qemu is a provisioner.Driver over plain QEMU on a workstation: one process for each node, no root, no libvirt, no hook. It is what
// `volary try` runs a model with.
//
//	Station ── folder of its own, locked; goes with Close, or with the next station if this one was killed
//	  ├─ machine   disk over a base image, seed, UEFI variables, console; process: monitor, console, agent, network as inherited sockets
//	  └─ network   package usernet
//
// # The contract
//
//   - A guest finds the machine that package domainxml describes to libvirt: the same devices in the same slots, BIOS or UEFI, the
//     same processors under TCG; with KVM the machine's own.
//   - A base image is opened to be read, by the format that is named. No header leads to another file.
//   - A machine has no name in any folder: its sockets are pairs, of which this process has the other ends. It ends when we end, by
//     kill -9, too.
//   - A guest costs what it was given. Its console is two files of 4 MiB, its agent's answers are package guestagent's, its frames
//     usernet's; a QEMU of which a guest got hold may not start programs (-sandbox).
//
// # Where it is not a host
//
// drivertest runs over it but for what is left out by name there:
//
//   - peers: a network over several hosts is refused;
//   - way out: a network with Masquerade is refused, and all others are sealed.
//
// And what the contract says and no test asks: Enrolment is refused, for a workstation is nobody's host; HostFacts has no libvirt ("none") and
// no hook; a published port is on the loopback, not at an underlay address; an image that was lent (Lend) stays where it lies, counts
// nothing, and has the digest that its lender reads; what NetworkReport counts is the switch's, and what came in by a published port are
// connections; a wipe is done in the call; a machine is never Cold, since its disks go with the station.
//
// # Decided
//
// 2026-11-30: sockets by inheritance and not in a folder: `-netdev stream` with an address is QEMU's from 7.2 on, a socket by its number
// all have had for long, and nobody else can connect. KVM is taken where a machine begins with it: in some machines /dev/kvm may be opened and
// every machine ends at once (tried: `kvm_buf_set_msrs`). Disks lie in a folder for large files, not in the session's (XDG_RUNTIME_DIR), which is memory.
package qemu
