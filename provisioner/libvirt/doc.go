// Package libvirt is the provisioner.Driver of real hosts. It is the only package that links C, and only with the build
// tag libvirt: without it the package holds addresses alone and builds anywhere.
//
// # How a host is spoken to
//
// A Driver keeps one connection for calls and one for uploads, so that a long upload does not hold up the round that
// proves machines alive. A call into libvirt cannot be cancelled: it runs in a goroutine of its own, the caller gives up
// waiting when its context ends, and a connection on which somebody gave up is retired; it is closed when its last
// call comes back. libvirtd serves five requests of a connection at a time and takes its keepalive for one of them, so
// at most four run. A lost connection is opened again by the next call, at most once in a growing while.
//
// Nothing but libvirt's own protocol reaches a host: images and seeds are uploaded as volumes, the network hook's reports
// and answers are read as volumes of a folder that libvirt calls a storage pool. The hook is asked at most once a second, for
// all who wait; what guests write is reported by it and lies in no pool.
//
// 2026-11-29: libvirt says why a guest's vCPUs stand. Suspended is what somebody asked for; all that libvirt does by itself
// (I/O errors, watchdogs, crashes, copies of memory) is halted, with its reason, and so is a guest that put itself to sleep.
//
// 2026-11-30: a node whose disk only UEFI starts gets the firmware that libvirt chooses by the descriptors of the host's own packages,
// and no path that we would have to know: they name the code, the template of its variables and the format of both. The variables are
// ours to place: by the node, in libvirt's folder for them, which is no pool. Domains are defined, so the file outlasts a stop and goes
// when the domain is undefined; the hook wipes it with the disk, and removes one whose domain libvirt has forgotten. A node whose disk
// is new begins with new ones, whatever lies there.
//
// # A guest's agent
//
// 2026-11-30: what a guest's agent answers, and when, is the guest's choice, and libvirt hands it on. So calls to agents have
// connections of their own, three at most, one of a node at a time; each takes a thread of libvirtd for at most ten seconds (twice
// agentPatience: to see that the agent is there, and for its answer), and none is left behind for a new one. Nodes whose agents let
// a call wait until then share one of the three, so that any number of them leaves the others free. libvirtd keeps 10 MiB of an answer that has no end,
// then takes the agent for broken until the guest opens its port anew, and hands on 4 MiB at most; the guest cannot make it keep more.
//
// An agent gives a program's output whole, at its end: up to 16 MiB, of which libvirt would take 10 and then drop the agent. It cannot be asked
// for less. guest-file-read can, but needs files in the guest and somebody to remove them. So the program runs below a short script
// of sh (guestagent.Script) that passes on what was asked for and reads the rest away. The command is its arguments, and no shell reads them; the price is that an
// image needs sh and head, and that a signal is told as a shell tells it.
//
// # Whose machine it is
//
// An address may name the machine that has to answer there. Each connection is asked for its libvirt's UUID, and before the
// first change the hook for its key: to another machine nothing is said (ErrAnotherMachine). A hook that is silent says nothing
// against a machine whose UUID is right. Enrolment asks one of whom nothing is known, by what is there already.
//
// What libvirt reports is the truth; nothing of it is remembered here between calls but who watches which console.
//
// 2026-11-29: libvirt resolves a host's name itself, after we looked at it. TCP gets the address that was looked at. For TLS
// and SSH the name is needed, as certificates and known keys are the name's; an own TLS client before libvirt's would close that,
// and would be a second implementation of what libvirt expects of certificates. So the name is looked at before and after, and
// a failure in between is told in one of three sentences that give away no more than what a trusted host would.
package libvirt
