// Package usernet is a cluster's network within one process: a switch, DHCP, DNS and the gateway's address, for guests on a
// workstation where nobody may make bridges. It is what a host's network is to its guests (packages domainxml and nethook), and no
// packet has a way out of it.
//
//	guest ──stream──▶ port ──guard──▶ switch ──▶ another guest's port
//	                                    └─────▶ gateway: a TCP/IP stack of its own with ICMP, DHCP and DNS, and nothing else
//
// # The contract
//
//   - A guest gets the address, name, domain, name server and MTU of its entry by DHCP, and nobody else gets anything.
//   - Names of the cluster are answered, by their short form and with the domain, and addresses by their names. Of other names nothing is
//     known: the question goes no further.
//   - What a guest sends passes the rules that a host's bridge has for it (guard): its own MAC and address, IPv4 and ARP, nothing in the
//     name of the gateway. What is for another address than the gateway's and its neighbours' is dropped.
//   - The gateway's stack has one address and one interface, forwards nothing, and no socket of the machine is opened for a guest: neither its
//     loopback, its own network nor the world answers.
//   - The other way there are Dial, from the gateway into the network, and Publish, on the machine's loopback alone, and only
//     where somebody asks for them.
//   - A guest that does not read loses frames (queued), and holds nobody up. What it can have kept here is bounded.
//
// # Decided
//
// 2026-11-30: the TCP/IP stack is gVisor's, with the version that gvisor-tap-vsock takes, and DHCP and DNS are written with the libraries that it
// takes. Its own switch and servers (v0.8.9) were looked at and left: a frame of less than 14 bytes, which any guest may send, locks the
// switch up for good (tried); one guest that does not read stops all; multicast is dropped where a bridge floods it, and any source is learned. Its DHCP
// gives an address to whoever asks and no name to anybody, and does not tell who has asked, which is what a gate by address goes by; its DNS
// knows no addresses' names and tells capitals from small letters. Its ready-made network forwards outside.
//
// 2026-11-30: not as on a host: no limits of rates (a guest that shouts takes its own processor's time), no way out even where the
// pool of a provider gives one, and one process, so that there are no peers.
//
// 2026-11-30: the edge is counted (Report). Dropped are what guard refuses and what was to leave by the gateway; passed are frames that the
// gateway's stack sends in another's name, of which there are none while it forwards nothing, and connections by Publish, which a person opens.
package usernet
