// Package placement decides on which host each node of a cluster goes, all nodes or none, and says of each host why it
// takes no more, which resource there is too little of, and what the largest cluster is that would fit. It is pure and imports provisioner alone.
//
//	Place, Elsewhere  where nodes go; words.go says why not
//	Fits, Earliest    whether and when they could go
//	Shortage, Largest what there is too little of, and what would fit instead
//
// Inside, hosts become bins and nodes become kinds (bins.go), which are numbers alone. solve.go tells whether there is any plan, and rank.go
// makes the best one: it takes the best host for node after node from a heap, so that n hosts and m nodes cost n + m looks at a
// host. A refusal costs a fixed number of looks at each host, whatever the number of nodes.
//
// 2026-11-29: a base image counts once on each host where a node of a request or another's stands on it, to the byte. What a host has
// and nobody uses does not count, and who uses it again takes its room anew: the room of a copy that may be removed is free,
// and that of one that is used is not, whichever of both it was before.
//
// 2026-11-30: an image that only UEFI starts goes with its base image: a host without UEFI firmware holds no node of it. Where that alone
// keeps a request from starting, it is what is said, with how many hosts have it.
//
// 2026-11-30: a request has any number of groups. A head and nodes of one kind miss no plan: only the head's host has
// to be tried. Nodes of several kinds are a packing of unlike things (vector bin packing), which is NP-hard: no quick way finds every
// plan. First a look at each host tells most requests that cannot fit; then the hosts are filled in six orders, the largest nodes first; and where no
// more than searchedHosts hosts have room for anything, every plan is searched within searchedSteps, which finds one if there is any for up to 4 hosts, 5 nodes
// and 3 shapes. Beyond, a request may be refused that had a plan; its refusal says that no way was found, not that there is none. Fits and
// Place always say the same.
//
// 2026-11-30: there is no chance in it. Ties go to the host whose name comes first, so that the same hosts and request make the same plan.
//
// 2026-11-30: nodes share hosts unless their model says that they do not (Node.Apart). To be spread is wished and never kept from starting
// by; to be apart is. Hosts on which KVM does not work come last, whatever the pool's policy: a cluster with one slow node waits for it.
package placement
