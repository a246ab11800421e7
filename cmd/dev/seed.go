package main

import (
	"context"

	"volary.dev/cmd/internal/demo"
	"volary.dev/store"
)

// seed makes what is missing of the demo, over the lab's hosts or simulated ones.
func (v *volary) seed(ctx context.Context) (string, error) {
	db, err := store.New(v.pool, store.Options{})
	if err != nil {
		return "", err
	}
	hosts, underlay := demo.SimulatedHosts()
	if v.lab != nil {
		hosts, underlay = nil, v.lab.Prefix()
		for _, h := range v.lab.Hosts() {
			hosts = append(hosts, demo.Host{Name: h.Name, Address: h.Address, Underlay: h.Underlay})
		}
	}
	return "", demo.Seed(ctx, db, hosts, underlay)
}
