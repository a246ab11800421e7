// Package lab makes several real hosts on one machine: each is a libvirtd with its QEMU, dnsmasq and firewall in
// network, mount, process and host name namespaces of its own, joined by veth pairs to one bridge. Nothing is
// simulated but the hardware.
//
//	caller ── control socket ── switch (pid 1 of its process namespace)
//	  │                            ├─ bridge "underlay", one port for each host
//	  │  vollabN 10.77.N.1/24 ─────┤
//	  │                            ├─ host-1 (pid 1 of its own): virtlogd, libvirtd, 10.77.N.11
//	  │                            └─ host-2 …
//
// # It leaves nothing behind
//
// The whole lab hangs on one process, the switch. It dies with the caller, whatever way the caller dies: the
// kernel sends it SIGKILL (the parent death signal) and its control socket closes. When the first process of a
// process namespace dies the kernel kills all others in it, and with the last of them the unnamed network and mount
// namespaces go, and with those every bridge, veth, VXLAN device, nftables table and mount. A host can be killed
// alone in the same way, as a power cut would.
//
// What stays is the folder: each host's /var/lib/libvirt, /etc/libvirt, /var/cache/libvirt and /var/log/libvirt,
// so that disks outlive the lab. /run is fresh at each start, so no machine is thought to be running.
//
// # The switch and the hosts are the caller's own binary
//
// Call Main as the first line of main (or TestMain) of every program that starts a lab.
package lab
