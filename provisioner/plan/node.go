package plan

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/userdata"
)

// Node is all that a host needs to make and start a node. ErrPlan of one that is not the cluster's; cloudinit.ErrSeed where its seed
// is refused.
func (p Plan) Node(id uuid.UUID) (provisioner.NodeSpec, error) {
	seed, err := p.Seed(id)
	if err != nil {
		return provisioner.NodeSpec{}, err
	}
	disk, err := seed.Build()
	if err != nil {
		return provisioner.NodeSpec{}, err
	}
	c, n := p.cluster, p.nodes[id]
	g, _ := c.Model.Group(n.Group)
	shape := n.Shape
	if shape == (provisioner.Shape{}) {
		shape = g.Shape
	}
	return provisioner.NodeSpec{
		ID: n.ID, ClusterID: c.ID, Name: n.Name, Shape: shape, Acceleration: n.Host.Acceleration, MachineType: c.MachineType, CPU: c.CPU,
		ImageDigest: n.Image.Digest, Firmware: cmp.Or(g.Firmware, n.Image.Firmware), VNI: c.Net.VNI, MAC: n.MAC, Seed: disk,
	}, nil
}

// Seed is what a node is told at its boot. ErrPlan of one that is not the cluster's.
func (p Plan) Seed(id uuid.UUID) (cloudinit.Seed, error) {
	c := p.cluster
	n, ok := p.nodes[id]
	if !ok {
		return cloudinit.Seed{}, fmt.Errorf("%w: no node %s", ErrPlan, id)
	}
	g, _ := c.Model.Group(n.Group)
	// Where the only group is "compute", seeds stay as they were before groups had names: guests that run are not told anew.
	group := n.Group
	if compute := c.Model.Compute; len(compute) == 0 || len(compute) == 1 && compute[0].Name == string(provisioner.RoleCompute) {
		group = ""
	}
	accounts := c.Model.Accounts && c.Start > 0
	var logins []provisioner.Login
	if accounts {
		kept, _ := provisioner.Access{Logins: c.Logins}.Fit()
		logins = kept.Logins
	}
	text, ok := userdata.Fill(g.UserData, p.values(n))
	if !ok {
		return cloudinit.Seed{}, fmt.Errorf("%w: the user-data of node %s has a variable without a value", ErrPlan, n.Name)
	}
	return cloudinit.Seed{
		InstanceID: n.ID.String(), Hostname: n.Name, Domain: c.Domain(), Role: n.Role(), Group: group, SSHKeys: c.SSHKeys, User: c.Model.SignInUser,
		Nodes: p.entries, UserData: text, Secret: c.Secret, Check: c.Check,
		Start: c.Start, Accounts: accounts, Logins: logins,
	}, nil
}

// values are what user-data's variables stand for on a node.
func (p Plan) values(n Node) userdata.Values {
	c := p.cluster
	v := userdata.Values{
		userdata.NodeName: n.Name, userdata.NodeAddress: n.Address.String(), userdata.GroupName: n.Group, userdata.Domain: c.Domain(),
	}
	compute := 0
	for _, other := range c.Nodes {
		if other.Group == provisioner.HeadName {
			v[userdata.HeadAddress] = other.Address.String()
		} else {
			compute++
		}
	}
	v[userdata.ComputeCount] = strconv.Itoa(compute)
	return v
}

// Gate is how a node's readiness is known; zero for one that is not the cluster's.
func (p Plan) Gate(id uuid.UUID) provisioner.Gate {
	g, _ := p.cluster.Model.Group(p.nodes[id].Group)
	return g.Gate
}
