package webtest

import (
	"time"

	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/web/layout"
	"volary.dev/web/provider"
	"volary.dev/web/ui"
)

func providerSamples() []Sample {
	return []Sample{
		{"provider", provider.Overview(provider.OverviewProps{
			Layout: providerLayout(), Month: "Nov 2026", Clusters: 7, Requests: 1, UsedMCS: 311*hour + 1_234_567,
			Months:    []ui.Bar{{Label: "Sep 2026", Tick: "Sep", Value: 120 * hour}, {Label: "Oct 2026", Tick: "Oct", Value: 328 * hour}, {Label: "Nov 2026", Tick: "Nov", Value: 311 * hour}},
			Attention: []provider.Attention{{Tone: ui.ToneWait, Text: "2 orders wait for a decision", Label: "Decide", Where: "/provider/orders"}, {Tone: ui.ToneBad, Text: "host-3 is down: does not answer since 15:02 UTC", Label: "Open host-3", Where: "/provider/hosts/3"}},
			Pools:     []provider.PoolRow{pool()},
		})},
		{"provider-empty", provider.Overview(provider.OverviewProps{Layout: providerLayout(), Month: "Nov 2026", Steps: saleSteps()})},
		{"provider-suspended", provider.Overview(provider.OverviewProps{Layout: suspendedProvider(), Month: "Nov 2026", Pools: []provider.PoolRow{pool()}})},
		{"provider-clusters", provider.ClusterList(provider.ClusterListProps{Layout: providerLayout(), List: ui.ListProps{Path: "/provider/clusters", PerPage: 50, Total: 2}, UsedMCS: 13 * hour, Clusters: []provider.ClusterRow{
			{ID: id(40), Name: "trial-1", Organization: "Heliophysics", Pool: "lab-a", State: provisioner.ClusterReady, Nodes: 4, UsedMCS: 13 * hour, Created: ago(time.Hour), LeaseEnds: now().Add(time.Hour)},
			{ID: id(45), Name: "test-9c1", Organization: "Heliophysics", Pool: "lab-a", State: provisioner.ClusterStarting, Test: true, Nodes: 3, Created: ago(time.Minute)},
		}})},
		{"provider-clusters-empty", provider.ClusterList(provider.ClusterListProps{Layout: providerLayout(), List: ui.ListProps{Path: "/provider/clusters"}})},
		{"provider-cluster", provider.ClusterShow(staffCluster())},
		{"provider-cluster-paused", provider.ClusterShow(pausedByStaff())},
		{"provider-cluster-ended", provider.ClusterShow(endedByStaff())},
		{"organizations", provider.OrganizationList(provider.OrganizationListProps{
			Layout: providerLayout(), List: ui.ListProps{Path: "/provider/organizations", PerPage: 50, Total: 2}, Organizations: []provider.OrganizationRow{organization(), {ID: id(91), Name: "Tidal Genomics", Suspended: true, BoughtMCS: 20 * hour, UsedMCS: 17 * hour, LeftMCS: 3 * hour}},
			Sum: provider.OrganizationRow{LeftMCS: 79 * hour, UsedMCS: 328 * hour, MonthMCS: 41 * hour, Clusters: 2},
		})},
		{"organizations-empty", provider.OrganizationList(provider.OrganizationListProps{Layout: providerLayout(), List: ui.ListProps{Path: "/provider/organizations"}})},
		{"organization", provider.OrganizationShow(provider.OrganizationShowProps{
			MayGrant: true,
			Layout:   providerLayout(), Row: organization(), Kept: "90 GiB of 1 stopped cluster; 120 GiB are promised to those that run, after their leases. You keep at most 500 GiB of one organization.", MayOpenClusters: true, Clusters: []provider.ClusterRow{staffCluster().Row},
			Months: []ui.Bar{{Label: "Sep 2026", Tick: "Sep", Value: 120 * hour}, {Label: "Oct 2026", Tick: "Oct", Value: 150 * hour}, {Label: "Nov 2026", Tick: "Nov", Value: 41 * hour}},
		})},
		{"hosts", provider.HostList(hostList())},
		{"hosts-empty", provider.HostList(provider.HostListProps{Layout: providerLayout(), Pools: []provider.PoolRow{pool()}})},
		{"hosts-without-pool", provider.HostList(provider.HostListProps{Layout: providerLayout()})},
		{"host-new", provider.HostNew(hostNew())},
		{"host-new-refused", provider.HostNew(hostNewRefused())},
		{"host-waiting", provider.HostShow(waitingHost())},
		{"host-checking", provider.HostShow(checkingHost())},
		{"host-code-ended", provider.HostShow(provider.HostShowProps{Layout: providerLayout(), ID: id(82), Name: "host-3", Pool: "lab-a", State: provisioner.HostActive, Unused: "It takes no nodes: not enrolled: its machine has reported no code.", Address: provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: "host-3.northern.example"}, Underlay: "192.0.2.13", CheckState: "none"})},
		{"host-mistaken", provider.HostShow(mistakenHost())},
		{"host-twin", provider.HostShow(twinHost())},
		{"host-draining", provider.HostShow(drainingHost())},
		{"host-remove", provider.HostRemove(provider.HostShowProps{Layout: providerLayout(), ID: id(82), Name: "host-3", VCPUs: 8, MemoryMiB: 32768})},
		{"host-remove-refused", provider.HostRemove(drainingHost())},
		{"pools", provider.PoolList(provider.PoolListProps{Layout: providerLayout(), List: ui.ListProps{Path: "/provider/pools", PerPage: 50, Total: 1}, Pools: []provider.PoolRow{pool()}})},
		{"pools-empty", provider.PoolList(provider.PoolListProps{Layout: providerLayout(), List: ui.ListProps{Path: "/provider/pools"}})},
		{"pool", provider.PoolShow(provider.PoolShowProps{
			Layout: providerLayout(), Row: pool(), SubnetBits: 24, Underlay: "192.0.2.0/24", Management: "198.51.100.0/24", Storage: "local", MachineType: "q35", MTU: provider.MTU{Underlay: 1500, Overhead: 50, Guests: 1450, By: "IPv4"},
			Allowed: "192.168.20.0/24, 10.20.0.0/16", Closed: "10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16",
			GoOut: true, MaxLeaseHours: 720, Packed: true, PerProcessor: "1.5", HostLabels: "acceleration=kvm, disk=ssd", Unlabelled: 1, Made: made(provisioner.AccelerationKVM, "AMD EPYC 7302 16-Core Processor", 96, 96), Policy: "Hosts are rebooted on the first Tuesday of a month; clusters on them are told a week before.",
		})},
		{"pool-new", provider.PoolForm(provider.PoolFormProps{Layout: providerLayout(), SubnetBits: "24", Storage: "local", MachineType: "q35", UnderlayMTU: "1500", Drawing: poolDrawing(), TestVCPUs: "4", MaxLease: "720", GoOut: true, Placement: "spread", Overcommit: "1"})},
		{"pool-edit-refused", provider.PoolForm(provider.PoolFormProps{
			Layout: providerLayout(), ID: id(70), Name: "lab-a", Clusters: 2, Prefix: "10.91.0.0/16", SubnetBits: "24", Underlay: "192.0.2.0/24", Storage: "local", MachineType: "q35", UnderlayMTU: "1500", Drawing: poolDrawing(), TestVCPUs: "4", MaxLease: "720",
			Form: ui.Form{Refusal: &refusal.Error{Code: "pool_in_use", Title: "This pool carries 2 clusters; some of its fields stay as they are meanwhile.", Next: "Leave the marked fields as they were, or make another pool.", Fields: map[string]string{
				"prefix": "2 clusters use subnets of 10.90.0.0/16: it can change when they are gone.", "masquerade": "2 clusters use the present way out of their network: it can change when they are gone.",
			}}},
		})},
		{"shapes", provider.ShapeList(provider.ShapeListProps{Layout: providerLayout(), List: ui.ListProps{Path: "/provider/shapes", PerPage: 50, Total: 2}, Shapes: []provider.ShapeRow{
			{ID: id(71), Name: "small", VCPUs: 1, MemoryMiB: 4096, DiskGiB: 20, RateMCS: 1000, Nodes: 12}, {ID: id(72), Name: "wide", VCPUs: 8, MemoryMiB: 65536, DiskGiB: 100, RateMCS: 16000},
		}})},
		{"shapes-empty", provider.ShapeList(provider.ShapeListProps{Layout: providerLayout(), List: ui.ListProps{Path: "/provider/shapes"}})},
		{"shape-new-refused", provider.ShapeNew(provider.ShapeNewProps{Layout: providerLayout(), Name: "small", VCPUs: "0", Memory: "4096", Disk: "20", Form: refused(map[string]string{"vcpus": "The vCPUs must be between 1 and 1024."})})},
		{"host", provider.HostShow(host())},
		{"provider-usage", provider.UsageExport(provider.UsageExportProps{
			Layout: providerLayout(), Month: "2026-10",
			Part:          ui.MonthPart{From: time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC), Until: time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC), Zone: "Europe/Berlin", Over: true, Settled: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)},
			Organizations: []provider.OrganizationUsage{{Name: "Heliophysics", Clusters: 12, Runs: 61, UsedMCS: 311*hour + 1_234_567, Cost: "14.01 EUR"}, {Name: "Tidal Genomics", Clusters: 2, Runs: 9, UsedMCS: 17 * hour}},
			List:          ui.ListProps{Path: "/provider/usage", PerPage: 50, Total: 2},
			Runs:          70, UsedMCS: 328*hour + 1_234_567, LedgerMCS: 328*hour + 1_234_567, Cost: "14.01 EUR", SHA256: digest(9), Unbilled: unbilled(),
		})},
		{"provider-usage-refused", provider.UsageExport(provider.UsageExportProps{Layout: providerLayout(), Month: "2026-13", Form: refused(map[string]string{"month": "“2026-13” is no month; write it like 2026-11."})})},
	}
}

func unbilled() provider.UnbilledTime {
	lines := []billing.Unbilled{
		{HostID: id(80), HostName: "host-1", Why: billing.UnbilledSilent, Times: 41, Seconds: 512_733, Hours: 512_733_000},
		{HostID: id(81), HostName: "host-2", Why: billing.UnbilledSilent, Times: 6, Seconds: 4210, Hours: 33_680_000},
		{HostID: id(80), HostName: "host-1", Why: billing.UnbilledLate, Times: 9, Seconds: 3204, Hours: 6_408_000},
		{HostID: id(80), HostName: "host-1", Why: billing.UnbilledEnded, Times: 70, Seconds: 180, Hours: 360_000},
		{HostID: id(82), HostName: "a-host-with-a-long-name.rack-12.northern.example", Why: billing.UnbilledRestarted, Times: 2, Seconds: 8, Hours: 16_000},
		{HostID: id(81), HostName: "host-2", Why: billing.UnbilledPaused, Times: 2, Seconds: 7, Hours: 14_000},
		{HostID: id(81), HostName: "host-2", Why: billing.UnbilledOff, Times: 1, Seconds: 4, Hours: 4000},
	}
	return provider.UnbilledTime{Reasons: billing.UnbilledByReason(lines), Hosts: lines, Lines: 312}
}

func host() provider.HostShowProps {
	return provider.HostShowProps{
		Layout: providerLayout(), ID: id(80), Name: "host-1", Pool: "lab-a", State: provisioner.HostActive, HostSeen: provisioner.HostLate, Silences: []provider.HostSilence{{From: ago(8 * time.Second), Rounds: 1, Why: "host does not answer"}, {From: ago(50 * time.Hour), Until: ago(49 * time.Hour), Rounds: 720, Why: "observe: host does not answer"}}, Unused: "It takes no nodes: the storage pool volary-images is not active.", Address: provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: "host-1.xn--bcher-kva.example", Port: 16514},
		Underlay: "192.0.2.11", Acceleration: provisioner.AccelerationKVM, CPUModel: "AMD EPYC 7302 16-Core Processor", Processors: 4, UEFI: new(bool), Labels: []string{"rack=a1", "room=2"}, VCPUs: 8, VCPUsTaken: 6, MemoryMiB: 32768, MemoryTakenMiB: 20480, DiskGiB: 400, DiskTakenGiB: 30,
		Seen: ago(2 * time.Second), CheckState: "failed", Checked: ago(26 * time.Hour), Enrolled: ago(400 * time.Hour),
		ImageBytes: 9 << 29, SpareBytes: 13 << 28, ImagesSeen: ago(4 * time.Minute), FreeBytes: 371 << 30, ImagesKeptDays: 30, Images: hostImages(),
		HistoryTotal: 31, History: []provider.HostDeed{
			{At: ago(3 * time.Hour), Person: "Nora Rack", Verb: "activate host"},
			{At: ago(26 * time.Hour), Person: "Nora Rack", Verb: "cordon host", Why: "memory to be replaced"},
			{At: ago(399 * time.Hour), Verb: "enrol host"},
			{At: ago(400 * time.Hour), Person: "Nora Rack", Verb: "add host"},
		},
		Checks: []ui.Check{
			{Name: "Connection", State: "passed", Detail: "libvirt answered in 12 ms", Took: 12 * time.Millisecond},
			{Name: "Versions", State: "passed", Detail: "libvirt 9.0.0, QEMU 7.2.22"},
			{Name: "Acceleration", State: "warning", Detail: "KVM is offered but a probe guest did not boot with it; TCG did, in 1.9 s", Took: 22 * time.Second},
			{Name: "Storage pool", State: "passed", Detail: "/var/lib/volary, 370 of 400 GiB free"},
			{Name: "UEFI firmware", State: "warning", Detail: "none: nodes of images that only UEFI starts are placed on other hosts. Install it on the machine (Debian: `apt-get install ovmf`), then check again"},
			{Name: "Overlay packet", State: "failed", Detail: "host-2 did not see the packet on UDP 4789", Repair: "Let UDP 4789 pass between the underlay addresses of the pool."},
		},
		Nodes: 1, NodeList: ui.ListProps{Path: "/provider/hosts/" + id(80).String(), PerPage: 50, Total: 1},
		Shown: []provider.HostNode{{ID: id(50), Organization: "Heliophysics", Cluster: "trial-1", Name: "head", State: provisioner.NodeReady, Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 4096, DiskGiB: 10}}},
	}
}

func hostImages() []provider.HostImage {
	return []provider.HostImage{
		{Digest: digest(1), Bytes: 1 << 32, Nodes: 12, Used: ago(4 * time.Minute), Where: provider.ImageThere},
		{Digest: digest(2), Bytes: 1 << 29, Nodes: 1, Where: provider.ImageWanted},
		{Digest: digest(3), Bytes: 3 << 30, Used: ago(200 * time.Hour), Where: provider.ImageThere},
		{Digest: digest(4), Bytes: 1 << 28, Used: ago(300 * time.Hour), Where: provider.ImagePart},
	}
}

func waitingHost() provider.HostShowProps {
	return provider.HostShowProps{
		Layout: providerLayout(), ID: id(82), Name: "host-3", Pool: "lab-a", State: provisioner.HostActive, Unused: "It waits for enrolment and takes no nodes: its machine has not reported its code yet.",
		Address: provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: "host-3.northern.example"}, Underlay: "192.0.2.13", CheckState: "waiting",
		EnrolLine: "/usr/local/lib/volary/volary hook enrol 6TOID3VHJKPHUKXV3NUEK7EF6J", CodeUntil: now().Add(23 * time.Hour),
		CodeSeen: "Its hook reports the code of host-2: is this the address of another machine?",
	}
}

func checkingHost() provider.HostShowProps {
	p := waitingHost()
	p.EnrolLine, p.CodeSeen, p.Enrolled, p.CheckState, p.Unused = "", "", ago(time.Minute), "running", "Its check runs; it takes nodes when that has passed."
	p.Checks = host().Checks[:2]
	return p
}

func mistakenHost() provider.HostShowProps {
	p := host()
	p.HostSeen, p.Enrolled, p.Mistaken, p.Unused = provisioner.HostSilent, ago(400*time.Hour), true, "It takes no nodes: another machine answers at its address."
	p.CheckState, p.Checks = "passed", p.Checks[:2]
	return p
}

func twinHost() provider.HostShowProps {
	p := mistakenHost()
	p.HostSeen, p.Mistaken, p.Twin = provisioner.HostUp, false, true
	p.Unused = "It takes no nodes: this machine is another host already, under another name or address."
	return p
}

func pool() provider.PoolRow {
	return provider.PoolRow{
		ID: id(70), Name: "lab-a", Location: "Hamburg, Germany", Hosts: 3, HostsActive: 2, HostsWaiting: 1, SpareBytes: 13 << 28, Clusters: 2, VCPUs: 24, ClusterVCPUs: 14, TestVCPUs: 4, TestsVCPUs: 3,
		MemoryMiB: 98304, MemoryTakenMiB: 53248, DiskGiB: 800, DiskTakenGiB: 50, Prefix: "10.90.0.0/16",
	}
}

func hostList() provider.HostListProps {
	return provider.HostListProps{
		Layout: providerLayout(), List: ui.ListProps{Path: "/provider/hosts", PerPage: 50, Total: 3}, Pools: []provider.PoolRow{pool()},
		Hosts: []provider.HostRow{
			{ID: id(80), Name: "host-1", Pool: "lab-a", State: provisioner.HostActive, HostSeen: provisioner.HostUp, Acceleration: provisioner.AccelerationKVM, VCPUs: 8, VCPUsTaken: 6, MemoryMiB: 32768, MemoryTakenMiB: 20480, DiskGiB: 400, DiskTakenGiB: 30, Nodes: 2, Enrolled: true, Seen: ago(2 * time.Second)},
			{ID: id(81), Name: "host-2", Pool: "lab-a", State: provisioner.HostCordoned, HostSeen: provisioner.HostSilent, Reason: "memory to be replaced", Unused: "Staff cordoned it: it keeps its nodes and takes no new ones.", Acceleration: provisioner.AccelerationTCG, VCPUs: 8, VCPUsTaken: 4, MemoryMiB: 32768, MemoryTakenMiB: 16384, DiskGiB: 400, DiskTakenGiB: 20, Nodes: 1, Enrolled: true, Seen: ago(2 * time.Second)},
			{ID: id(82), Name: "host-3", Pool: "lab-a", State: provisioner.HostActive, Unused: "It waits for enrolment and takes no nodes: its machine has not reported its code yet."},
		},
	}
}

func poolDrawing() provider.PoolDrawing {
	return provider.PoolDrawing{
		Prefix: "10.91.0.0/16", Subnet: "10.91.0.0/24", Subnets: 256, Underlay: "192.0.2.0/24", Hosts: []string{"192.0.2.1", "192.0.2.2"},
		Management: []string{"198.51.100.0/24", "203.0.113.0/24"}, GoOut: true, MTU: provider.MTU{Underlay: 1500, Overhead: 50, Guests: 1450, By: "IPv4"},
	}
}

func hostNew() provider.HostNewProps {
	return provider.HostNewProps{
		Enrolment: id(1).String(), Line: "/usr/local/lib/volary/volary hook enrol 6TOID3VHJKPHUKXV3NUEK7EF6J", Layout: providerLayout(), Pools: []ui.Option{{Value: id(70).String(), Label: "lab-a, underlay 192.0.2.0/24"}}, Pool: id(70).String(),
		Schemes: []ui.Option{{Value: "tls", Label: "TLS, with certificates"}, {Value: "ssh", Label: "SSH, with a key"}}, Scheme: "tls",
	}
}

func hostNewRefused() provider.HostNewProps {
	p := hostNew()
	p.Name, p.Address, p.Underlay = "host-4", "qemu+ssh://root@host-4/system?command=id", "198.51.100.4"
	p.Form = refused(map[string]string{
		"address":  "Write the host's name or IP address alone, not a URI: scheme and port have fields of their own.",
		"underlay": "198.51.100.4 is not in the pool's underlay network 192.0.2.0/24.",
	})
	return p
}

func drainingHost() provider.HostShowProps {
	p := host()
	p.State, p.Reason, p.CheckState, p.Checks, p.Unused = provisioner.HostDraining, "to be moved to room 3", "passed", p.Checks[:2], "It is being emptied: 1 node is left."
	p.Clusters = []provider.HostCluster{{ID: id(40), Name: "trial-1", Organization: "Heliophysics", Nodes: 1}}
	return p
}

// pausedByStaff was paused with a reason, and one of its hosts has not answered yet.
func pausedByStaff() provider.ClusterShowProps {
	p := staffCluster()
	p.Row.State, p.Row.Reason, p.ReasonDetail = provisioner.ClusterPaused, provisioner.ReasonPaused, "it sends 400 000 mails an hour"
	p.MayPause, p.MayResume, p.Paused, p.PausedUntil, p.PausedWhy, p.StillRun = false, true, ago(time.Hour), now().Add(167*time.Hour), p.ReasonDetail, 1
	for i := range p.Nodes {
		p.Nodes[i].State, p.Nodes[i].Reason, p.Nodes[i].ReasonDetail = provisioner.NodePaused, provisioner.ReasonPaused, ""
	}
	p.Nodes[0].State = provisioner.NodePausing
	return p
}

// endedByStaff was ended with a reason.
func endedByStaff() provider.ClusterShowProps {
	p := staffCluster()
	p.Row.State, p.Row.Reason, p.ReasonDetail = provisioner.ClusterStopped, provisioner.ReasonStaff, "it sends 400 000 mails an hour"
	p.MayPause, p.MayEnd, p.MayAllow, p.Barred, p.DisksUntil, p.BarredWhy = false, false, true, ago(time.Hour), now().Add(167*time.Hour), p.ReasonDetail
	p.HeldMCS = 0
	for i := range p.Nodes {
		p.Nodes[i].State, p.Nodes[i].Reason = provisioner.NodeStopped, provisioner.ReasonStaff
	}
	return p
}

func staffCluster() provider.ClusterShowProps {
	return provider.ClusterShowProps{
		Layout: providerLayout(), Person: "Ada Brandt", PoolID: id(70), Ready: ago(50 * time.Minute), HeldMCS: 3 * hour, RateMCS: 4 * hour, ConsentBy: "Ada Brandt", ConsentUntil: now().Add(2 * time.Hour), MayEnd: true, MayPause: true, PauseDays: 7, MayConsole: true, KeptDays: 7,
		Row:      provider.ClusterRow{ID: id(40), Name: "trial-1", Organization: "Heliophysics", OrganizationID: id(90), Pool: "lab-a", State: provisioner.ClusterReady, Nodes: 2, UsedMCS: 13 * hour, Created: ago(time.Hour), LeaseEnds: now().Add(time.Hour)},
		NodeList: ui.ListProps{Path: "/provider/clusters/" + id(40).String(), PerPage: 50, Total: 2},
		Nodes: []provider.NodeRow{
			{ID: id(50), Name: "head", State: provisioner.NodeReady, Host: "host-1", HostID: id(80), ShapeName: "small", Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 4096, DiskGiB: 10}, Seen: ago(2 * time.Second)},
			{ID: id(51), Name: "compute-001", State: provisioner.NodeLost, Reason: provisioner.ReasonHostLost, Host: "host-2", HostID: id(81), ShapeName: "small", Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 4096, DiskGiB: 10}, Seen: ago(2 * time.Minute)},
		},
	}
}

func organization() provider.OrganizationRow {
	return provider.OrganizationRow{ID: id(90), Name: "Heliophysics", BoughtMCS: 400 * hour, HeldMCS: 3 * hour, UsedMCS: 311 * hour, LeftMCS: 76 * hour, ExpiredMCS: 10 * hour, Clusters: 2, MonthMCS: 41 * hour}
}

func saleSteps() []provider.Step {
	return []provider.Step{
		{Title: "A pool", Text: "Hosts that share a network between them, and what groups may do there.", Done: true, Label: "New pool", Where: "/provider/pools/new"},
		{Title: "A host that passed its check", Text: "A machine with libvirt: guests are booted on it and a packet is sent between two of them.", Label: "Add a host", Where: "/provider/hosts/new"},
		{Title: "A price", Text: "An offer of compute hours that is sold now.", Label: "Offers", Where: "/provider/offers"},
	}
}

func suspendedProvider() layout.Props {
	l := providerLayout()
	l.Suspended = "Invoices are unpaid since September."
	return l
}
