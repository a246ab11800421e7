// Package placement decides on which host each node of a cluster goes, all nodes or none, and says of each host why it
// takes no more. It is pure and imports provisioner alone. placement.go places, earliest.go says when there will be room, and
// short.go which resource there is too little of.
//
// 2026-11-29: a base image counts once on each host where a node of a request or another's stands on it, to the byte. What a host has
// and nobody uses does not count, and who uses it again takes its room anew: the room of a copy that may be removed is free,
// and that of one that is used is not, whichever of both it was before.
//
// 2026-11-30: an image that only UEFI starts goes with its base image: a host without UEFI firmware holds no node of it. Where that alone
// keeps a request from starting, it is what is said, with how many hosts have it.
//
// 2026-11-30: a request has any number of groups (pack.go). With one group no plan is missed, as before there were several: only the head's host has
// to be tried. With several that is a packing of unlike things, for which no quick way finds every plan; the largest group first, in three
// orders of size, onto the fullest or the emptiest hosts, finds nearly all, and Fits and Place always say the same. A request that is
// refused so may still have had a plan; its refusal says that no way was found, not that there is none.
package placement
