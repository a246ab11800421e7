package loops

import (
	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/store/machines"
)

// nodeSpec is all that a host needs to make and start a node.
func nodeSpec(w machines.ClusterWork, n machines.NodeWork) (provisioner.NodeSpec, error) {
	seed := cloudinit.Seed{
		InstanceID: n.ID.String(), Hostname: n.Name, Domain: domain(w), Role: n.Role, SSHKeys: w.SSHKeys, User: w.Model.SignInUser,
		Nodes: entries(w), UserData: n.Group.UserData, Secret: w.SeedSecret,
	}
	if w.TestNonce != "" {
		seed.Check = &cloudinit.Check{Nonce: w.TestNonce}
	}
	disk, err := seed.Build()
	if err != nil {
		return provisioner.NodeSpec{}, err
	}
	return provisioner.NodeSpec{
		ID: n.ID, ClusterID: w.ID, Name: n.Name, Shape: n.Shape, Acceleration: n.Host.Acceleration,
		MachineType: w.Pool.MachineType, CPU: w.Pool.CPU, ImageDigest: n.ImageDigest, Firmware: n.Firmware, VNI: w.VNI, MAC: n.MAC, Seed: disk,
	}, nil
}
