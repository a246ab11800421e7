// Package acceptance judges an acceptance test: it turns what was seen of a test cluster into a report. It is pure;
// handlers/jobs looks at the hosts and asks Judge again after each look.
//
// The checks, in their order, and what each takes for proof:
//
//	boots       the guest did anything that needs its own system: took an address, met its gate, or reported itself
//	address     the host's DHCP server shows the node's own address leased to the node's MAC
//	identities  every guest reported itself on its console, and no two have a name, machine id or SSH key in common
//	head        every compute node reached the head by its name
//	gate        the cluster became ready
//	shutdown    every guest powered off by itself when asked to
//
// A look has three ways into a guest. What it wrote to its console, where the seed's own script repeats the test's nonce, is the one
// that every image has: it asks for nothing but a NoCloud seed and a console. The guest's agent (Driver.Exec) is there where the
// image brings one, and the host's probe (Driver.Probe) where it listens. The checks below need the first alone; whether an agent
// answers is told beside them (Report.GuestAgent).
//
// What guests report are lines of provisioner.GuestCheckPrefix with the test's nonce, printed by the seed's script. They
// are the guest's word: they show that an image works, not that it is honest. A look finds things, a later look never
// unfinds them: consoles scroll and leases lapse.
package acceptance
