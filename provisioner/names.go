package provisioner

import "fmt"

// HeadName is the name of every cluster's head.
const HeadName = string(RoleHead)

// NodeName is the name of the n-th node of a compute group, from 1: "gpu-001". No two nodes of a cluster have the same: what is
// before the last hyphen is the group's name, and nothing behind it is the head's.
func NodeName(group string, n int) string { return fmt.Sprintf("%s-%03d", group, n) }

// ComputeName is the name of the n-th node of the group "compute".
func ComputeName(n int) string { return NodeName(string(RoleCompute), n) }

// ClusterDomain is the DNS domain of a cluster's nodes: "trial-1.volary".
func ClusterDomain(cluster string) string { return cluster + ".volary" }

// In every cluster's subnet the gateway is .1, the head .10, and the compute nodes follow.
const (
	GatewayAddress = 1
	HeadAddress    = 10
)

// What of SSH keys a node's seed takes; a launch leaves out the others and says whose.
const (
	MaxSeedKeys     = 2000
	MaxSeedKeyBytes = 2 << 20
)
