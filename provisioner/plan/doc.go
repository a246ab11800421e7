// Package plan turns a model and what was given to it (a network of its own, hosts, keys, a secret) into what hosts are told: the
// cluster's network as each host makes it, each node's machine with its seed, and how each node's readiness is known. It is
// pure: no clock, no randomness, no store. Whoever runs a model asks it, a deployment's worker and a workstation alike.
//
//	Net.Places   a model and its counts  ->  name, address and MAC of every node, before anything is made
//	Net.Join     a cluster that grows     ->  those of the nodes that are added
//	Make         a Cluster               ->  a Plan, or ErrPlan
//	Plan         .Network(host)  .Node(id)  .Seed(id)  .Gate(id)
//
// # The contract
//
//   - The same input gives the same bytes: networks, specifications and seeds are compared to find out whether a host has them.
//   - No two nodes of a plan share an id, a name, an address or a MAC, and each address is the subnet's, but for its own, the
//     gateway's and the last: Make refuses anything else.
//   - The secret is in seeds alone. No name, address, MAC or network follows from it or has a part of it.
//   - Nothing of a deployment is needed but a node's id, which its machine is known by. Cluster.ID may be Nil, and hosts are told
//     apart by any name.
//   - Places are given once, when a cluster is reserved, and come back with the nodes: a plan never moves a node to another
//     address because another one came or went.
//
// In a cluster's subnet the gateway is .1, the head .10 (provisioner.HeadAddress), and the nodes of all groups follow in the
// document's order. A MAC is locally administered and has the network's VNI and the node's place in it, so that a frame on the
// wrong network is recognised.
//
// # Decided
//
// 2026-11-30: the plan left the store, the worker's loops and the checks of hosts, each of which had its part of it. A plan takes
// places as they are written down instead of computing them anew, so that clusters keep theirs whatever becomes of the rule.
package plan
