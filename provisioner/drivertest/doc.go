// Package drivertest is the contract of provisioner.Driver as tests. Exercise runs over a driver of any kind: the
// simulated hosts of memory, libvirt's own test driver, the lab's real hosts, and a workstation (qemu).
//
// A Bench says what the host behind the driver can do. A part that a driver cannot do is named in Bench.Without with
// the reason, and shows in the test's output as skipped with it: nothing is left out in silence.
package drivertest
