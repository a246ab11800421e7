// Package enrolment is what a host's own root does to enrol it: `volary hook enrol CODE`, the one line that is pasted there.
//
// A worker makes nothing on a machine before its hook has reported the code of the host that somebody added. So what the
// hook is asked by is made by the line itself, with virsh: the folder of its reports as a storage pool, and the network in
// which questions stand. The code and a key of the machine's own are kept in nethook.IdentityFile.
//
// 2026-11-29: a host was whatever answered at the address that staff typed: South booted check guests on North's host by its
// address. Who adds a host now shows to be root there. A code is no secret: who knows another's gains nothing by it, since
// it counts only where the machine at the address reports it. It ends after a day, and with its use.
//
// The key is random because UUIDs of mainboards are not: vendors have given one to several machines. A copy of a disk has its
// key, too, and is refused as the same machine until the file is removed there.
package enrolment
