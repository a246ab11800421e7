// Package provisioner holds the words of the machine side of Volary: hosts, networks, nodes, the states of a
// cluster, and the Driver through which every host is reached. It decides nothing and imports nothing of ours;
// the packages below it plan (placement, plan, reconcile), describe (domainxml, cloudinit), inspect (image) and
// act (libvirt, memory, qemu).
//
// # States
//
// A cluster has no state of its own: ClusterState derives it from its nodes and from what is wanted.
//
//	            launch            every gate met
//	waiting ──────────▶ starting ───────────────▶ ready ◀──────▶ degraded
//	   │                   │                        │                │
//	   │                   │ gate missed            │ stop           │ every node lost
//	   │                   ▼                        ▼                ▼
//	   │                failed                  stopping ───────▶ stopped ──start──▶ starting
//	   │                   │                        │                │
//	   └───────────────────┴──────── delete ────────┴────────────────┴─────────────▶ gone
//
// Delete is allowed from every state.
package provisioner
