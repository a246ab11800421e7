// Package memory simulates hosts inside the process: a provisioner.Driver without libvirt, root or hardware. It
// carries the demo where nothing else can run, and the tests that need a host to fail at a chosen moment.
//
// A World is a set of hosts that know one another, so that a simulated guest reaches another one only where both
// hosts have the network and name each other as peers. Guests boot in Options.BootTime, take the address that
// their network's entries promise, print what the sample image prints, and answer a small shell on the console.
// Faults are chosen on the Host: unreachable, refusing, slow, restarted, a crashed machine, guests that hang.
//
// It imports provisioner alone. drivertest.Exercise is its contract.
package memory
