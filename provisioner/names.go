package provisioner

import "fmt"

// HeadName is the name of every cluster's head.
const HeadName = string(RoleHead)

// ComputeName is the name of a cluster's n-th compute node, from 1: "compute-001".
func ComputeName(n int) string { return fmt.Sprintf("%s-%03d", RoleCompute, n) }

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
