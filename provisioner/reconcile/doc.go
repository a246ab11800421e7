// Package reconcile decides what to do next for the nodes and networks of one cluster. Step is pure: it looks at what is wanted of each node, at what
// has been seen so far and at the time, and names every action that is possible and useful now. It does nothing
// itself; handlers/loops performs the actions, many at a time, and asks again after each.
//
//	running:  network ┐
//	          image   ┴▶ node ─▶ gate ─▶ mark batch ready ─▶ publish
//	                        └─ refused, lost or late ─▶ fail batch
//	          paused ─▶ network ─▶ resume
//	paused:   observe ─▶ suspend ─▶ mark paused
//	stopped:  observe ─▶ power off ─▶ … ─▶ force ─▶ mark stopped ─▶ networks
//	gone:     nodes ─▶ networks ─▶ mark gone
//
// The arrows are the only order there is: hosts do not wait for one another, and a node starts as soon as its own
// host has its network and image.
//
// Invariants. Every action is idempotent. Observed holds only what this process has seen; with an empty Observed
// Step begins anew and ends at the same place, which is why a worker may die between any two lines. A host that
// refuses or does not answer is asked again with growing pauses; while a batch is on its way up it is given up
// on after maxRefusals or maxSilence: what it could not start is placed elsewhere once (Replace), else the batch fails as a whole, and no node of another with it; while nodes are being stopped or deleted never.
//
// 2026-11-29: a provider's pause is wanted like a stop is, so that it holds over dying workers and restarted hosts. While
// it lasts nothing is started and no deadline counts. A machine that its host halted by itself counts as standing, and goes
// on with the others. What stands is ended at once: it would not notice the power button, and a guest that was paused for
// what it did must not run once more to be shut down.
//
// 2026-11-29: a failure says whose it is. An error of our own database or image store was counted as a refusal of the host
// that happened to be next, so that a database that was away for a moment could end launches. Now it only puts off,
// and a launch that nothing but ourselves has held up for maxOwn ends as the platform's fault.
//
// 2026-11-30: Step works on nodes, each with what is wanted of it, for a launch is no longer all there is. One network joins them, so
// a batch waits until every host with nodes that run has its network with the new names; on a host without nodes of the batch that is
// given up on after three times maxSilence, since by then rounds have told whether the nodes there are lost, for which nobody waits. Nodes that
// are to go are written down as gone together, and without those whose hosts do not answer.
package reconcile
