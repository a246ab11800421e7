package tryout

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/acceptance"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/plan"
	"volary.dev/provisioner/reconcile"
)

// Options of a trial.
type Options struct {
	Model  provisioner.Model
	Counts map[string]int // by group; one that is left out has its least
	// Images are by the digests that the model names; the host has them already, by the digests in them.
	Images map[string]plan.Image
	Host   plan.Host
	Keys   []string // authorized_keys lines
	// Ports of the host that lead to the nodes' SSH, by the nodes' order; none where it is empty.
	Ports []uint16
	// Tell hears what happens, in words, and how long after the start; nil: nobody does.
	Tell func(after time.Duration, what string)
	// Keep is called once everything was seen of the running cluster, and the test goes on when it returns; nil: at once.
	Keep func(t *Trial)
}

// Trial is one run of a model.
type Trial struct {
	options Options
	plan    plan.Plan
	nodes   []plan.Node
	vni     uint32

	patience time.Duration // of the power button
	signing  time.Duration // for how long a sign-in is tried
	begun    time.Time
	seen     acceptance.Evidence
	gates    []gate // in the order of nodes
	looks    int    // at them
	told     map[string]bool
	secret   string    // that the nodes share
	again    time.Time // when all nodes had met their gates at the second boot
}

// gate is how far one node is.
type gate struct {
	met      bool
	waits    string // for what, where it is not met
	startID  string // of the start that met it
	searched string // mark up to which its console was searched for the gate's text
}

// What every trial's network is like: as at a provider whose hosts reach each other by IPv4.
const (
	network = 1
	mtu     = 1500 - 50
)

// Name is the cluster's: its domain is made of it.
const Name = "try"

// Begin plans a trial. plan.ErrPlan or cloudinit.ErrSeed where it cannot be made.
func Begin(o Options) (*Trial, error) {
	t := &Trial{options: o, vni: network, patience: reconcile.ForceAfter, signing: signInGrace, told: map[string]bool{}}
	if t.options.Tell == nil {
		t.options.Tell = func(time.Duration, string) {}
	}
	counts := map[string]int{}
	wanted := 1
	for _, g := range o.Model.Compute {
		counts[g.Name] = g.Count.Least
		if n, given := o.Counts[g.Name]; given {
			counts[g.Name] = n
		}
		wanted += counts[g.Name]
	}
	for name, n := range o.Counts {
		counts[name] = n // one of no group is the plan's to refuse
	}
	own := plan.Net{VNI: network, Subnet: netip.MustParsePrefix("10.128.0.0/24")}
	for own.Subnet.Bits() > 16 && plan.MostNodes(own.Subnet.Bits()) < wanted {
		own.Subnet = netip.PrefixFrom(own.Subnet.Addr(), own.Subnet.Bits()-1)
	}
	places, err := own.Places(o.Model, counts)
	if err != nil {
		return nil, err
	}
	t.seen.Nonce, t.secret = rand.Text(), rand.Text()+rand.Text() // a deployment's is as long: what takes a key of 32 bytes takes it
	for i, p := range places {
		g, _ := o.Model.Group(p.Group)
		n := plan.Node{ID: uuid.Must(uuid.NewV7()), Place: p, Host: o.Host, Image: o.Images[g.Image.Digest]}
		if i < len(o.Ports) {
			n.SSHPort = o.Ports[i]
		}
		t.nodes = append(t.nodes, n)
		t.seen.Nodes = append(t.seen.Nodes, acceptance.Node{
			Name: p.Name, Role: p.Role(), Host: o.Host.Name, Gate: g.Gate.Kind, Address: p.Address, MAC: strings.ToLower(p.MAC.String()),
		})
	}
	t.takeOwn()
	t.gates = make([]gate, len(t.nodes))
	t.plan, err = plan.Make(plan.Cluster{
		ID: uuid.Must(uuid.NewV7()), Name: Name, Model: o.Model, Net: own, Nodes: t.nodes, Secret: t.secret,
		SSHKeys: append(slices.Clone(o.Keys), acceptance.KeyOf(t.secret, t.seen.Nonce).Line),
		Check:   &cloudinit.Check{Nonce: t.seen.Nonce, Peers: true}, MachineType: "q35", Generation: 1, MTU: mtu, Sealed: true,
	})
	if err != nil {
		return nil, err
	}
	for _, n := range t.nodes {
		seed, err := t.plan.Seed(n.ID)
		if err == nil {
			_, err = seed.Files()
		}
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", n.Name, err)
		}
	}
	return t, nil
}

// Nodes are the nodes of the trial, the head first.
func (t *Trial) Nodes() []plan.Node { return t.nodes }

// Needs is what all nodes take of a machine together, and the largest of them.
func (t *Trial) Needs() (all, largest provisioner.Shape) {
	for _, n := range t.nodes {
		g, _ := t.options.Model.Group(n.Group)
		all.VCPUs, all.MemoryMiB, all.DiskGiB = all.VCPUs+g.Shape.VCPUs, all.MemoryMiB+g.Shape.MemoryMiB, all.DiskGiB+g.Shape.DiskGiB
		largest.VCPUs, largest.MemoryMiB = max(largest.VCPUs, g.Shape.VCPUs), max(largest.MemoryMiB, g.Shape.MemoryMiB)
	}
	return all, largest
}
