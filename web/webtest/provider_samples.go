package webtest

import (
	"time"

	"volary.dev/provisioner"
	"volary.dev/web/provider"
	"volary.dev/web/ui"
)

func providerSamples() []Sample {
	return []Sample{
		{"provider", provider.Overview(provider.OverviewProps{
			Layout: providerLayout(), Month: "2026-11", Clusters: 7, UsedMCS: 311*hour + 1_234_567,
			Attention: []provider.Attention{{Tone: ui.ToneBad, Text: "host-3 is down: does not answer since 15:02", Label: "Open host-3", Where: "/provider/hosts/3"}},
			Pools:     []provider.PoolRow{{Name: "lab-a", Hosts: 3, HostsActive: 2, VCPUs: 24, VCPUsTaken: 14, MemoryMiB: 98304, MemoryTakenMiB: 53248, TestVCPUs: 4, Prefix: "10.90.0.0/16"}},
		})},
		{"provider-empty", provider.Overview(provider.OverviewProps{Layout: providerLayout(), Month: "2026-11"})},
		{"provider-clusters", provider.ClusterList(provider.ClusterListProps{Layout: providerLayout(), Clusters: []provider.ClusterRow{
			{ID: id(40), Name: "trial-1", Organization: "Heliophysics", Pool: "lab-a", State: provisioner.ClusterReady, Nodes: 4, UsedMCS: 13 * hour, Created: ago(time.Hour), LeaseEnds: now().Add(time.Hour)},
			{ID: id(45), Name: "test-9c1", Organization: "Heliophysics", Pool: "lab-a", State: provisioner.ClusterStarting, Test: true, Nodes: 3, Created: ago(time.Minute)},
		}})},
		{"hosts", provider.HostList(provider.HostListProps{Layout: providerLayout(), Hosts: []provider.HostRow{
			{ID: id(80), Name: "host-1", Pool: "lab-a", State: provisioner.HostActive, Acceleration: provisioner.AccelerationKVM, VCPUs: 8, VCPUsTaken: 6, MemoryMiB: 32768, MemoryTakenMiB: 20480, DiskGiB: 400, DiskTakenGiB: 30, Nodes: 2, Seen: ago(2 * time.Second)},
			{ID: id(81), Name: "host-2", Pool: "lab-a", State: provisioner.HostCordoned, Reason: "memory to be replaced", Acceleration: provisioner.AccelerationTCG, VCPUs: 8, VCPUsTaken: 4, MemoryMiB: 32768, MemoryTakenMiB: 16384, DiskGiB: 400, DiskTakenGiB: 20, Nodes: 1, Seen: ago(2 * time.Second)},
			{ID: id(82), Name: "host-3", Pool: "lab-a", State: provisioner.HostDown, Reason: "not checked yet"},
		}})},
		{"hosts-empty", provider.HostList(provider.HostListProps{Layout: providerLayout()})},
		{"host", provider.HostShow(host())},
		{"provider-usage", provider.UsageExport(provider.UsageExportProps{
			Layout: providerLayout(), Month: "2026-10", From: time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC), Until: time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC), Zone: "Europe/Berlin", Closed: true,
			Organizations: []provider.OrganizationUsage{{Name: "Heliophysics", Clusters: 12, Runs: 61, UsedMCS: 311*hour + 1_234_567}, {Name: "Tidal Genomics", Clusters: 2, Runs: 9, UsedMCS: 17 * hour}},
			Runs:          70, UsedMCS: 328*hour + 1_234_567, LedgerMCS: 328*hour + 1_234_567, SHA256: digest(9),
		})},
		{"provider-usage-refused", provider.UsageExport(provider.UsageExportProps{Layout: providerLayout(), Month: "2026-13", Form: refused(map[string]string{"month": "“2026-13” is no month; write it like 2026-11."})})},
	}
}

func host() provider.HostShowProps {
	return provider.HostShowProps{
		Layout: providerLayout(), ID: id(80), Name: "host-1", Pool: "lab-a", State: provisioner.HostActive, Address: provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: "host-1.northern.example", Port: 16514},
		Underlay: "192.0.2.11", Acceleration: provisioner.AccelerationKVM, LibvirtVersion: "9.0.0", QEMUVersion: "7.2.22", VCPUs: 8, VCPUsTaken: 6, MemoryMiB: 32768, MemoryTakenMiB: 20480, DiskGiB: 400, DiskTakenGiB: 30,
		Seen: ago(2 * time.Second), CheckState: "failed", Checked: ago(26 * time.Hour),
		Checks: []ui.Check{
			{Name: "Connection", State: "passed", Detail: "libvirt answered in 12 ms", Took: 12 * time.Millisecond},
			{Name: "Versions", State: "passed", Detail: "libvirt 9.0.0, QEMU 7.2.22"},
			{Name: "Acceleration", State: "warning", Detail: "KVM is offered but a probe guest did not boot with it; TCG did, in 1.9 s", Took: 22 * time.Second},
			{Name: "Storage pool", State: "passed", Detail: "/var/lib/volary, 370 of 400 GiB free"},
			{Name: "Overlay packet", State: "failed", Detail: "host-2 did not see the packet on UDP 4789", Repair: "Let UDP 4789 pass between the underlay addresses of the pool."},
		},
		Nodes: []provider.HostNode{{ID: id(50), Organization: "Heliophysics", Cluster: "trial-1", Name: "head", State: provisioner.NodeReady, Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 4096, DiskGiB: 10}}},
	}
}
