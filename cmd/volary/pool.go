package main

import (
	"context"
	"fmt"
	"math"
	"net/netip"

	"github.com/google/uuid"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
)

type poolCommand struct {
	Add addPool `cmd:"" help:"Add a pool of hosts to a provider."`
}

type addPool struct {
	Name     string `arg:"" help:"Name of the pool."`
	Provider string `required:"" help:"Name of the provider."`

	Prefix     netip.Prefix   `required:"" help:"IPv4 prefix out of which clusters get their subnets, such as 10.128.0.0/12."`
	Underlay   netip.Prefix   `required:"" help:"Network between the pool's hosts, such as 192.0.2.0/24."`
	Management []netip.Prefix `help:"Networks that guests may not reach."`
	Allowed    []netip.Prefix `help:"Private networks that guests may reach; none without it."`
	SubnetBits int            `help:"Length of a cluster's subnet." default:"24"`
	MTU        int            `help:"MTU inside clusters: the underlay's less 50." default:"1450"`

	Storage     string `help:"local or shared." default:"local" enum:"local,shared"`
	MachineType string `help:"QEMU machine type of the nodes." default:"q35"`
	CPU         string `help:"CPU model of the nodes; empty takes the host's default."`
	Sealed      bool   `help:"Guests may not go out through their hosts."`
	WipeDisks   bool   `help:"Overwrite disks when clusters are deleted."`
	TestVCPUs   int    `name:"test-vcpus" help:"vCPUs set aside for acceptance tests." default:"4"`
	MaxLease    int    `help:"Longest lease, in hours." default:"720"`

	Placement  machines.Placement `help:"Where nodes go: spread over all hosts, or packed (pack) onto hosts that carry nodes already." default:"spread" enum:"spread,pack"`
	Overcommit float64            `help:"vCPUs per processor, 1 to 16, of hosts for which no number is offered." default:"1"`
	HostLabels map[string]string  `help:"Labels that a host needs to take new nodes, such as disk=ssd." placeholder:"NAME=VALUE"`
}

// Run implements kong's command.
func (p addPool) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		provider, err := providerByName(ctx, db, p.Provider)
		if err != nil {
			return err
		}
		_, err = db.Machines.CreatePool(ctx, uuid.Nil, provider.ID, machines.NewPool{
			Name: p.Name, Prefix: p.Prefix, SubnetBits: p.SubnetBits, Underlay: p.Underlay, Management: p.Management, Allowed: p.Allowed,
			Storage: p.Storage, MachineType: p.MachineType, CPU: p.CPU, MTU: p.MTU, NoMasquerade: p.Sealed, WipeDisks: p.WipeDisks,
			TestVCPUs: p.TestVCPUs, MaxLeaseHours: p.MaxLease, Placement: p.Placement, Overcommit: int(math.Round(p.Overcommit * 100)), HostLabels: p.HostLabels,
		})
		if err != nil {
			return err
		}
		fmt.Printf("There is a pool %s of %s. It needs hosts: volary host add.\n", p.Name, p.Provider)
		return nil
	})
}
