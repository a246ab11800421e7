package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
)

type shapeCommand struct {
	Add addShape `cmd:"" help:"Offer a size of node."`
}

type addShape struct {
	Name     string `arg:"" help:"Name of the shape."`
	Provider string `required:"" help:"Name of the provider."`
	VCPUs    int    `name:"vcpus" required:"" help:"vCPUs."`
	Memory   int    `required:"" help:"Memory in MiB."`
	Disk     int    `required:"" help:"Disk in GiB."`
	Rate     int64  `help:"Thousandths of a compute hour that an hour takes. Without it: 1000 for each vCPU, or for each 4 GiB where that is more."`
}

// Run implements kong's command.
func (s addShape) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		provider, err := providerByName(ctx, db, s.Provider)
		if err != nil {
			return err
		}
		_, err = db.Machines.CreateShape(ctx, uuid.Nil, provider.ID, machines.NewShape{
			Name: s.Name, Shape: provisioner.Shape{VCPUs: s.VCPUs, MemoryMiB: s.Memory, DiskGiB: s.Disk}, Rate: billing.Rate(s.Rate),
		})
		if err != nil {
			return err
		}
		fmt.Printf("%s offers %s.\n", s.Provider, s.Name)
		return nil
	})
}
