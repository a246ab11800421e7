// Package placement decides on which host each node of a cluster goes, all nodes or none, and says of each host why it
// takes no more. It is pure and imports provisioner alone.
package placement
