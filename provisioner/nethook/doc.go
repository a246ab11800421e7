// Package nethook is the network hook: what libvirt calls on a host when one of its networks starts, changes or
// stops, and what it takes to speak to it through libvirt alone.
//
// libvirt cannot make a VXLAN and knows nothing of published ports or of what a guest must not reach. But it hands
// the hook the network's whole XML, and lets portgroups be added and deleted while guests run. So what never changes
// about a cluster's network stands in its metadata, and what does in names of portgroups that no guest can see:
//
//	peer-10.77.1.12                another host of the cluster: a destination of the VXLAN's flooding list
//	forbid-10.77.1.0/24            a range that guests must not reach
//	publish-22101-10.200.7.10-22   a TCP port of the host that leads to a guest
//	masquerade                     guests may go out through the host's address
//	generation-7-5f1c9a0e          the change is complete: apply, and report this generation and nonce
//
// A change deletes the generation first and adds a new one last. Between the two the hook leaves the host as it is,
// so that no half of a change is ever applied.
//
// # What the hook makes
//
// The host is made to match what the hook reads, at start and at every update alike, and doing it twice changes
// nothing: the VXLAN device vxVNI as a port of the bridge volVNI, its flooding list, and three nftables tables named
// volVNI. Table inet: guests reach DHCP, DNS and ping on their gateway and nothing else of the host; from outside only
// published ports lead in; nothing goes to other clusters, to forbidden ranges, to UDP port 4789 anywhere (a guest
// could inject frames into any cluster's VXLAN), and VXLAN packets of this cluster are taken from its peers alone.
// Table bridge: IPv6, and frames whose MAC or address is not one of the cluster's, stop at the guest's own port.
// Table netdev: DHCP, and frames from the gateway's MAC, never leave through the VXLAN, so that each host answers
// for itself.
//
// What other programs of the host decide comes on top: nftables asks every chain, and one that drops wins. A host where
// br_netfilter hands bridged frames to a firewall that drops what it forwards (Docker's, say) keeps guests of one
// cluster from reaching one another; the host's check finds that out with a packet over a test overlay.
//
// The hook has no way to answer its caller: libvirt reports success for an update whose hook failed. It writes a
// Report into ReportDir, which the driver reads through a storage pool.
//
// # What else it is asked
//
// A driver also asks the hook what libvirt cannot tell or do, by a portgroup ask-NONCE-QUESTION in the probe's network,
// which has no address and stays on the host. The hook answers each question once, in a file of ReportDir that goes with
// the portgroup: what guests wrote to their consoles (ends of at most 64 KiB, the lines with a text, how much is kept), and
// it removes the files of nodes that are gone and overwrites their disks. An empty question asks whether the hook is there.
// It also looks whether a node answers at a TCP port or lets somebody sign in by SSH: into a sealed network nobody but its host
// has a way. Every answer says who the machine is: a key that was drawn on it, and the hash of the code by which it is to be enrolled
// (KeepIdentity, provisioner/enrolment).
//
// 2026-11-29: consoles lay in a storage pool. libvirtd probes each file of a pool as a disk image, as root: forty bytes on a
// console, the header of a qcow2 file, made the pool unusable, and with it the host for everyone; a header that names a
// backing file had libvirtd open that. So nothing raw that a guest writes lies in a pool: the folder of the consoles is
// none, and what an answer quotes of a guest is spelled in letters, so that no answer is taken for an image either.
// A console is searched where it lies and not in the end that is reported: a text is found however much a guest writes
// behind it, as long as virtlogd keeps it. Marks name a file by its inode and a place in it, so a search goes on where
// the last one ended though files are rolled over.
//
// 2026-11-29: a bridge of Linux answers ARP for every address of its host, so a guest could ask which underlay and which other
// clusters it shares a host with. ARP passes a port only about the cluster's own subnet, whole and of the usual kind, and the
// bridge answers for its own address alone.
//
// 2026-11-29: guests' MTU is the underlay's less provisioner.VXLANOverhead. The pool's form asks for the underlay's and computes
// the other; the network's XML has it, from where libvirt gives it to bridge, ports and DHCP and the hook to the VXLAN. A
// host whose own device has less is refused with the sum before anything is made: the kernel makes a VXLAN with too large an MTU
// smaller without a word, and refuses only the change after it. The check's network has the pool's MTU, so that it is found there.
//
// 2026-11-30: libvirtd waits for its hook, and a guest may make a probe last, so a process of its own does it, and leaves what it
// found in ProbeDir for the next question; at most mostProbes at once. It reaches guests alone: an address of the bridge's own
// subnet, by way of that bridge. Signing in is the work of the host's ssh, with every option that would read a file of the host,
// forward, ask or go on turned off; what it says is cut, and it is killed at the end of its time. A private key stands in no
// question as it is: libvirt writes a portgroup's name into files and, where it finds it twice or not at all, into its log. It is
// sealed to a key that the hook draws anew after each start of the machine and tells with every answer (SealKey). From there on it is
// in memory alone: a pipe to the process, and a file of no file system for ssh.
//
// libvirt's own wipe of a volume with holes cuts it to nothing and writes nothing over it. The hook overwrites what the file
// system has of a disk, once, with zeros, in a process that it does not wait for; a file system that copies on write, a
// snapshot below it and the spare cells of an SSD keep what they have.
package nethook
