// Package acceptance judges an acceptance test: it turns what was seen of a test cluster into a report. It is pure;
// handlers/jobs looks at the hosts and asks Judge again after each look.
//
// The checks, in their order, what each takes for proof, and the channel by which it is seen:
//
//	boots        the guest did anything that needs its own system: took an address, met its gate, or reported itself    host or console
//	address      the host's DHCP server shows the node's own address leased to the node's MAC                           host
//	seed         the guest reported itself, which the seed's script does                                               console
//	macs …       MAC, address, host name, machine id and SSH host key are each node's own, a check for each            console
//	names        every node's name leads to its address on every other, and the address back to the name               console
//	pings        every node answers every other's ping; how long that took is told                                     console
//	gate         the cluster became ready, by the gate of each group (package gate)                            host, console, agent or probe
//	own: …       the version's own checks, a check for each: a command's status and output                             agent
//	sign_in      the host's hook signed in with the test's own key, as the version's user                              probe
//	sealed       the hosts' rules counted no packet that left the network or came into it                              host
//	shutdown     every guest powered off by itself within provisioner.PowerOffTime of its power button                 host
//	second_boot  started again on the same disks, every guest is who it was: machine id, SSH host key, host name       console
//	image        the base images hash to their digests afterwards                                                      host
//
// A check passes by a channel. With none it is not observed, which is neither good nor bad, and says why. What explains a fault is
// red, and what only follows from it is not observed: a node that never booted has no address to be missed. What a console shows of a
// known ending (Endings) is told with its remedy by the check that it explains.
//
// Console and agent are the guest's own word, and the report says so: they show that an image works, not that it is honest. A guest can
// lie about itself and about nobody else. What it prints is bounded (mostWord, mostPeers, ownShown), made printable, and shown as text.
// A look finds things, a later look never unfinds them: consoles scroll and leases lapse.
//
// 2026-11-30: the test's own key (KeyOf) follows from the secret that its cluster's machines share, and is kept nowhere. A guest can work
// it out and sign in on its own cluster, which it could do anyway; no table has another private key to be kept from web.
//
// 2026-11-30: the second boot comes after the shutdown, by the same way as a start (machines.StartTestAgain), so that one power button
// serves both, and the test ends with the machines deleted as they run: it costs a test one boot and no second shutdown.
package acceptance
