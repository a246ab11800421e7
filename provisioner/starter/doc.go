// Package starter makes the starter models: a cluster with Slurm (Debian 12) and one with HTCondor (Debian 13 on Debian 12's
// kernel), each one image for head and compute nodes and the document beside it, for a group to begin with.
//
// An image is made of Debian's packages by mmdebstrap, and what is the project's own in it are the shell programs of this
// folder: setup.sh runs once inside the new system, and the others lie in /usr/lib/volary. seed.sh is the user-data of the document. No image
// holds a node list, a key, a password, a host key or a machine's id; compute nodes find the head by its name and register themselves.
//
// # Decisions
//
// 2026-11-30: compute nodes of Slurm are dynamic ("slurmd -Z", Slurm 22.05) and get their configuration from the head (configless): the head
// needs no list of them, so that a cluster may grow, and processors and memory are what the node has. TreeWidth is set so that the head
// talks to each itself: slurmd 22.05 cannot pass messages on to nodes that its configuration does not name.
//
// 2026-11-30: Debian 13's kernel crashes under QEMU 7.2's emulation, so HTCondor's userland runs on Debian 12's kernel, whose package is
// fetched where the image is built. It is not upgraded by apt in a cluster; a new image is.
//
// 2026-11-30: SYSLINUX on a FAT partition starts the disk, as the sample's: it is written without mounting anything, and GRUB's installer wants a
// device. A kernel that is installed inside a running cluster is therefore not the one that starts next.
//
// 2026-11-30: MPI's latency and bandwidth are measured by NetPIPE, which Debian has built against its own OpenMPI.
package starter
