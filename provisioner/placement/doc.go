// Package placement decides on which host each node of a cluster goes, all nodes or none, and says of each host why it
// takes no more. It is pure and imports provisioner alone. placement.go places, earliest.go says when there will be room, and
// short.go which resource there is too little of.
package placement
