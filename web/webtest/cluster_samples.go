package webtest

import (
	"fmt"
	"net/url"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/web/org"
	"volary.dev/web/ui"
)

func clusterSamples() []Sample {
	list := []Sample{
		{"clusters", org.ClusterList(org.ClusterListProps{Layout: simulatedLayout(), Clusters: clusterRows(), MayLaunch: true, UsedMCS: 21 * hour, Kept: keptSample(), List: ui.ListProps{Path: "/org/clusters", PerPage: 50, Total: 120, Sort: "used", Desc: true}})},
		{"clusters-gone", org.ClusterList(org.ClusterListProps{Layout: orgLayout(), Clusters: goneRows(), Gone: true, MayLaunch: true, UsedMCS: 21 * hour, List: ui.ListProps{Path: "/org/clusters", PerPage: 50, Total: 3, Query: url.Values{"gone": {"1"}}}})},
		{"clusters-none", org.ClusterList(org.ClusterListProps{Layout: orgLayout(), MayLaunch: true, State: "failed", List: ui.ListProps{Path: "/org/clusters", Query: url.Values{"state": {"failed"}}}})},
		{"clusters-empty", org.ClusterList(org.ClusterListProps{Layout: orgLayout(), MayLaunch: true, List: ui.ListProps{Path: "/org/clusters"}})},
		{"cluster-new", org.ClusterNew(clusterNew(nil))},
		{"cluster-new-quote", org.ClusterNew(clusterNew(quoteFits()))},
		{"cluster-new-cap", org.ClusterNew(clusterNewCap())},
		{"cluster-new-refused", org.ClusterNew(clusterNewRefused())},
		{"cluster-new-groups", org.ClusterNew(clusterNewGroups())},
		{"cluster-groups", org.ClusterShow(clusterOfGroups())},
		{"cluster-new-empty", org.ClusterNew(org.ClusterNewProps{Layout: orgLayout()})},
		{"cluster-large", org.ClusterShow(largeCluster())},
		{"cluster-logins", org.ClusterShow(loginsCluster())},
		{"cluster-tasks", org.TaskList(org.TaskListProps{Layout: orgLayout(), ID: id(40), Name: "trial-1", Tasks: taskRows(), List: ui.ListProps{Path: "/org/clusters/" + id(40).String() + "/tasks", PerPage: 50, Total: 64}})},
		{"cluster-endless", org.ClusterShow(endlessCluster(""))},
		{"cluster-endless-over", org.ClusterShow(endlessCluster("14.00 compute hours are needed, 3.20 are available."))},
		{"cluster-kept", org.ClusterShow(keptCluster())},
		{"cluster-new-until", org.ClusterNew(clusterNewUntil())},
		{"cluster-soon", org.ClusterShow(soonCluster())},
		{"cluster-test", org.ClusterShow(testCluster())},
		{"cluster-delete", org.ClusterDelete(org.ClusterDeleteProps{Layout: orgLayout(), ID: id(40), Name: "trial-1", State: provisioner.ClusterReady, Nodes: 4, HeldMCS: 22 * hour, UsedMCS: 6 * hour})},
		{"cluster-scale", org.ClusterScale(clusterScale())},
		{"cluster-scale-refused", org.ClusterScale(clusterScaleRefused())},
		{"cluster-grows", org.ClusterShow(growingCluster())},
		{"cluster-not-grown", org.ClusterShow(notGrownCluster())},
		{"cluster-drains", org.ClusterShow(drainingCluster())},
		{"console", org.Console(console())},
		{"console-stopped", org.Console(org.ConsoleProps{Layout: orgLayout(), ClusterID: id(40), ClusterName: "trial-1", NodeID: id(50), NodeName: "head", State: provisioner.NodeStopped, Host: "host-1"})},
	}
	for _, s := range []provisioner.ClusterState{provisioner.ClusterReady, provisioner.ClusterStarting, provisioner.ClusterDegraded, provisioner.ClusterStopped, provisioner.ClusterGone} {
		list = append(list, Sample{"cluster-" + string(s), org.ClusterShow(cluster(s))})
	}
	watched := cluster(provisioner.ClusterReady)
	watched.Staff = org.StaffLooks{MayConsent: true, By: "Ada Brandt", Until: now().Add(2 * time.Hour), Looks: []org.StaffLook{{At: ago(3 * time.Minute), Person: "Noor Vermeer", Node: "head"}, {At: ago(4 * time.Minute), Person: "Noor Vermeer", Node: "head", Log: true}}}
	offered := cluster(provisioner.ClusterReady)
	offered.Staff = org.StaffLooks{MayConsent: true, Hours: "2"}
	return append(list, Sample{"cluster-watched", org.ClusterShow(watched)}, Sample{"cluster-offered", org.ClusterShow(offered)}, Sample{"cluster-ended", org.ClusterShow(endedCluster())},
		Sample{"cluster-paused", org.ClusterShow(pausedCluster())})
}

func keptSample() []org.KeptDisks {
	most := 500
	return []org.KeptDisks{{Provider: "Northern Compute", Clusters: 1, GiB: 90, Promised: 120, Most: &most}, {Provider: "South", Clusters: 2, GiB: 40}}
}

func clusterRows() []org.ClusterRow {
	row := func(n byte, name string, s provisioner.ClusterState, r provisioner.Reason, ready, nodes int) org.ClusterRow {
		return org.ClusterRow{ID: id(40 + n), Name: name, State: s, Reason: r, Version: "slurm-lab 2", Pool: "lab-a", Nodes: nodes, NodesReady: ready, UsedMCS: int64(n) * 7_654_321, LeaseEnds: now().Add(time.Duration(n+1) * time.Hour), Created: ago(time.Hour)}
	}
	rows := []org.ClusterRow{
		row(1, "trial-1", provisioner.ClusterReady, "", 4, 4),
		row(2, "sweep-0042", provisioner.ClusterStarting, "", 3, 17),
		row(3, "night-run", provisioner.ClusterFailed, provisioner.ReasonGateMissed, 8, 9),
		row(4, "a-long-name-that-someone-chose-for-a-run", provisioner.ClusterDegraded, provisioner.ReasonHostLost, 31, 33),
		row(5, "parked", provisioner.ClusterStopped, provisioner.ReasonHostRestarted, 0, 5),
		row(6, "queued", provisioner.ClusterWaiting, "", 0, 5),
		row(7, "ending", provisioner.ClusterStopping, provisioner.ReasonLeaseEnded, 2, 5),
	}
	rows[3].ReasonDetail = "host-2 was last seen 41 s ago"
	rows[1].LeaseEnds, rows[5].LeaseEnds = time.Time{}, time.Time{}
	return rows
}

// goneRows are clusters that are no more: of today, of this year, and of another.
func goneRows() []org.ClusterRow {
	rows := clusterRows()[:3]
	for i, age := range []time.Duration{3 * time.Hour, 900 * time.Hour, 9000 * time.Hour} {
		r := &rows[i]
		r.State, r.Reason, r.NodesReady, r.LeaseEnds = provisioner.ClusterGone, provisioner.ReasonAsked, 0, time.Time{}
		r.Created, r.Ended = ago(age), ago(age-2*time.Hour)
	}
	rows[1].Reason = provisioner.ReasonLeaseEnded
	return rows
}

func clusterNew(q *org.Quote) org.ClusterNewProps {
	return org.ClusterNewProps{
		Layout: orgLayout(), Quote: q,
		Values:   org.ClusterValues{Name: "trial-1", Version: "20", Pool: "1", ComputeCount: "3", Lease: org.LeaseValues{Lease: "hours", Hours: "2", AtEnd: "keep", KeepDays: "1"}},
		Versions: []ui.Option{{Value: "20", Label: "slurm-lab 2"}, {Value: "21", Label: "slurm-lab 1"}},
		Pools:    []ui.Option{{Value: "1", Label: "lab-a, Northern Compute"}, {Value: "2", Label: "solo, Harbour Cloud"}},
	}
}

func clusterNewCap() org.ClusterNewProps {
	p := clusterNew(quoteFits())
	p.Cap = &org.Cap{MCS: 40 * hour, LeftMCS: 12 * hour, Since: ago(600 * time.Hour)}
	return p
}

// clusterNewGroups is the form of a version with two compute groups, of which one has too many nodes.
func clusterNewGroups() org.ClusterNewProps {
	p := clusterNew(quoteFits())
	p.Quote.Shapes = "5 nodes: 1 head with 2 vCPUs and 4 GiB, 3 compute with 4 vCPUs and 16 GiB, 1 gpu with 8 vCPUs and 64 GiB"
	p.Counts = []org.GroupCount{
		{Group: "compute", Field: "count.compute", Value: "3", Least: 1, Most: 8},
		{Group: "gpu", Field: "count.gpu", Value: "5", Least: 0, Most: 2},
	}
	p.Form = refused(map[string]string{"count.gpu": "Choose 0 to 2 gpu nodes; 5 was given."})
	return p
}

// clusterOfGroups has nodes of two compute groups.
func clusterOfGroups() org.ClusterShowProps {
	p := cluster(provisioner.ClusterDegraded)
	for _, list := range [][]org.NodeRow{p.Nodes, p.Shown} {
		for i := range list {
			list[i].Group = []string{provisioner.HeadName, "compute", "compute", "gpu"}[i]
			if list[i].Group == "gpu" {
				list[i].Name, list[i].Shape = provisioner.NodeName("gpu", 1), provisioner.Shape{VCPUs: 8, MemoryMiB: 65536, DiskGiB: 40}
			}
		}
	}
	return p
}

func quoteFits() *org.Quote {
	return &org.Quote{RateMCS: 14000, NeedMCS: 28 * hour, LeftMCS: 833*hour - 1_234_567, LeftAfterMCS: 805*hour - 1_234_567, Price: "0.045 EUR", Cost: "1.26 EUR", CostPerHour: "0.63 EUR", CopyHosts: 2, CopyBytes: 3 << 29, Hosts: []org.HostFit{
		{Name: "host-1", Fits: true, Reason: "takes head, compute-003"}, {Name: "host-2", Fits: true, Reason: "takes compute-001"}, {Name: "host-3", Fits: true, Reason: "takes compute-002"},
	}}
}

func clusterNewUntil() org.ClusterNewProps {
	p := clusterNew(quoteFits())
	p.Values.Lease = org.LeaseValues{Lease: "until", Hours: "2", Until: "2026-11-29T18:00", AtEnd: "keep", KeepDays: "7"}
	p.Quote.Lease = "It ends at 29 Nov 2026, 18:00 CET, whenever it begins. Hours for 170.7 h are set aside now; what passes before every node is ready comes back. " +
		"Then it is stopped; its disks of 70 GiB are kept for 7 days, free of charge, and deleted after that. Northern Compute keeps at most 500 GiB for your organization, of which 320 GiB are left."
	return p
}

func clusterNewRefused() org.ClusterNewProps {
	p := clusterNew(&org.Quote{RateMCS: 66000, NeedMCS: 3300 * hour, LeftMCS: 833 * hour, LeftAfterMCS: -2467 * hour, Hosts: []org.HostFit{
		{Name: "host-1", Fits: true, Reason: "could take 2 nodes"}, {Name: "host-2", Reason: "4 vCPUs are needed, 2 of 8 are free"}, {Name: "host-3", Reason: "down: not checked yet"},
	}, Refusal: &refusal.Error{Code: "balance", Title: "3 300.00 compute hours are needed, 833.00 are left.", Next: "Shorten the lease to 12 h or ask your provider for hours."}})
	p.Values.ComputeCount, p.Values.Lease.Hours, p.Values.Name = "16", "50", "Trial 1"
	p.Form = refused(map[string]string{"name": "“Trial 1” has a space and a capital letter; small letters, digits and hyphens are taken.", "compute_count": "16 compute nodes are asked for; slurm-lab 2 takes 1 to 8."})
	return p
}

func signInSample() org.SignIn {
	return org.SignIn{
		Command: "ssh -p 20001 debian@192.0.2.7", User: "debian", UserSaid: true, JumpTo: "compute-001", Jump: "ssh -J debian@192.0.2.7:20001 debian@10.90.7.11",
		HostKeys: []string{"ECDSA SHA256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb+", "ED25519 SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
	}
}

func cluster(s provisioner.ClusterState) org.ClusterShowProps {
	p := org.ClusterShowProps{
		Layout: orgLayout(), ID: id(40), Name: "trial-1", State: s, Version: org.VersionLink{ID: id(20), ModelName: "slurm-lab", Version: "2"},
		Pool: "lab-a", Provider: "Northern Compute", Person: "Ada Brandt", Subnet: "10.90.7.0/24", Created: ago(time.Hour), Ready: ago(59 * time.Minute),
		LeaseEnds: now().Add(time.Hour), Lease: 2 * time.Hour, LeaseHours: "2", RateMCS: 14000, HeldMCS: 14*hour + 233_333, UsedMCS: 14*hour - 233_333,
		BookedMCS: 9 * hour, Cost: "0.41 EUR", Proven: ago(3 * time.Second), Tasks: taskRows(), AllTasks: 64,
		Terms: leaseSample(), SSH: signInSample(), MayStop: true, MayExtend: true, ExtendHours: "1", MayDelete: true, MayConsole: true,
	}
	states := map[provisioner.ClusterState][]provisioner.NodeState{
		provisioner.ClusterReady:    {provisioner.NodeReady, provisioner.NodeReady, provisioner.NodeReady, provisioner.NodeReady},
		provisioner.ClusterStarting: {provisioner.NodeReady, provisioner.NodeStarting, provisioner.NodeStarting, provisioner.NodeReserved},
		provisioner.ClusterDegraded: {provisioner.NodeReady, provisioner.NodeLost, provisioner.NodeStopped, provisioner.NodeFailed},
		provisioner.ClusterStopped:  {provisioner.NodeStopped, provisioner.NodeStopped, provisioner.NodeStopped, provisioner.NodeStopped},
		provisioner.ClusterGone:     {provisioner.NodeGone, provisioner.NodeGone, provisioner.NodeGone, provisioner.NodeGone},
	}[s]
	for i, state := range states {
		p.Nodes = append(p.Nodes, node(i, state))
	}
	p.Shown, p.NodeList = p.Nodes, ui.ListProps{Path: "/org/clusters/" + id(40).String(), PerPage: 50, Total: len(p.Nodes)}
	dress(&p)
	return p
}

func leaseSample() org.LeaseTerms {
	return org.LeaseTerms{KeepDays: 3, Zone: time.UTC, MostHours: 720, MostDays: 30, Values: org.LeaseValues{Lease: "until", AtEnd: "keep", KeepDays: "3", UntilStopped: "no"}}
}

// endlessCluster extends itself, as long as hours last.
func endlessCluster(stays string) org.ClusterShowProps {
	p := cluster(provisioner.ClusterReady)
	p.Terms.UntilStopped, p.Terms.Values.UntilStopped, p.Terms.Stays, p.Lease = true, "yes", stays, 14*time.Hour
	p.LeaseEnds = now().Add(38 * time.Minute)
	return p
}

// keptCluster was stopped by its lease's end.
func keptCluster() org.ClusterShowProps {
	p := cluster(provisioner.ClusterStopped)
	p.Reason, p.Terms.Kept = provisioner.ReasonLeaseEnded, now().Add(70*time.Hour)
	return p
}

// taskRows are tasks of every kind, the latest first.
func taskRows() []org.TaskRow {
	at, took := ago(59*time.Minute), func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	steps := func(before time.Duration, what string, s float64, more int, names ...string) org.TaskRow {
		return org.TaskRow{At: at.Add(-before), What: what, Nodes: names, More: more, Timed: s > 0, Took: took(s)}
	}
	lost := steps(-40*time.Minute, "lost on", 0, 0, "compute-002")
	lost.Hosts, lost.Details = []string{"host-2"}, []string{"its host does not answer (was last seen 41 s ago)"}
	made, placed := steps(14*time.Second, "being made on", 0, 0, "head"), steps(16*time.Second, "placed on", 0, 14, "head", "compute-001", "compute-002")
	made.Hosts, placed.Hosts, placed.OnMore = []string{"host-1"}, []string{"host-1", "host-2", "host-3"}, 2
	return []org.TaskRow{
		{At: ago(3 * time.Minute), What: "Lease extended", Person: "Ada Brandt", Details: []string{"by 1 h to 2 h", "7.00\u00a0CH more set aside"}},
		steps(-45*time.Minute, "ready again", 12.4, 0, "compute-002"), lost,
		{At: at, What: "Ready: every node met its gate", Timed: true, Took: took(16.2)},
		steps(2*time.Second, "gate met", 9.8, 14, "head", "compute-001", "compute-002"), steps(11*time.Second, "made, boots", 2.9, 0, "head"), made, placed,
		{At: at.Add(-16 * time.Second), What: "Launch asked", Person: "Ada Brandt", Details: []string{"lease 1 h", "28.00\u00a0CH set aside"}},
		{At: at.AddDate(0, 0, -2), What: "Stop asked", Person: "Ben Okafor"},
	}
}

// largeCluster fills the subnet of most pools.
func largeCluster() org.ClusterShowProps {
	p := cluster(provisioner.ClusterReady)
	p.KeysLeftOut = "A node takes at most 2000 SSH keys, and 2 MiB of them; the newest are in. Left out were older keys of Ben Okafor (3), Cleo Marsh (1). " +
		"A launch takes them once their owners, or others, have deleted keys that they do not use any more."
	for i := len(p.Nodes); i < 245; i++ {
		p.Nodes = append(p.Nodes, node(i, provisioner.NodeReady))
	}
	p.EndedKeys = endedKeys(false)
	p.Shown, p.NodeList.From, p.NodeList.Total = p.Nodes[50:100], 50, len(p.Nodes)
	return p
}

// loginsCluster has members' logins, which do not reach all of its nodes.
func loginsCluster() org.ClusterShowProps {
	p := cluster(provisioner.ClusterReady)
	p.SSH.Shared, p.SSH.Own = p.SSH.Command, "carla-okonkwo-vanderbilt"
	p.SSH.Command = "ssh -p 20001 carla-okonkwo-vanderbilt@192.0.2.7"
	p.EndedKeys = endedKeys(false)
	p.EndedKeys.Keys = nil
	p.AbsentLogins = []org.AbsentLogin{{Login: "slurm-2", Nodes: 3}}
	return p
}

func endedKeys(elsewhere bool) org.EndedKeys {
	return org.EndedKeys{Elsewhere: elsewhere, Now: now(), Zone: orgLayout().Zone, Untold: []org.UntoldNode{
		{ClusterID: id(40), Cluster: "trial-1", Node: "compute-002", State: provisioner.NodeReady, Problem: "agent", Since: ago(20 * time.Minute), Next: now().Add(80 * time.Second)},
		{ClusterID: id(41), Cluster: "production", Node: "compute-014", State: provisioner.NodeLost},
	}, Keys: []org.EndedKey{
		{Person: "Ben Okafor", Key: "laptop", Fingerprint: "SHA256:3q2+7wAAk1c9Q2z5Yp0mVbX0u8m0n6jRrT1sW4xZ9aE", ClusterID: id(40), Cluster: "trial-1", Why: "no member any more", Nodes: 4, Taken: 3},
		{Fingerprint: "SHA256:9dE3q2+7wAAk1c9Q2z5Yp0mVbX0u8m0n6jRrT1sW4xZ", ClusterID: id(41), Cluster: "production", Why: "key removed", Nodes: 16},
		{Person: "Dee Park", Key: "desk", Fingerprint: "SHA256:7wAAk1c9Q2z5Yp0mVbX0u8m0n6jRrT1sW4xZ9aE3q2+", ClusterID: id(40), Cluster: "trial-1", Why: "role without clusters", Nodes: 4, Taken: 4, At: ago(2 * time.Hour)},
	}}
}

// soonCluster has a lease that ends within minutes.
func soonCluster() org.ClusterShowProps {
	p := cluster(provisioner.ClusterReady)
	p.LeaseEnds = now().Add(9*time.Minute + 3*time.Second)
	return p
}

// testCluster is that of an acceptance test.
func testCluster() org.ClusterShowProps {
	p := cluster(provisioner.ClusterReady)
	p.Free, p.UsedMCS, p.HeldMCS, p.BookedMCS, p.Cost, p.Proven, p.SSH = true, 0, 0, 0, "", time.Time{}, org.SignIn{}
	p.MayStop, p.MayExtend = false, false
	return p
}

// endedCluster was ended by its provider.
func endedCluster() org.ClusterShowProps {
	p := cluster(provisioner.ClusterStopped)
	p.Reason, p.ReasonDetail, p.MayStart = provisioner.ReasonStaff, "it sends 400 000 mails an hour", false
	p.Barred, p.BarredWhy, p.DisksUntil = ago(time.Hour), p.ReasonDetail, now().Add(167*time.Hour)
	return p
}

// pausedCluster was paused by its provider.
func pausedCluster() org.ClusterShowProps {
	p := cluster(provisioner.ClusterReady)
	p.State, p.Reason, p.ReasonDetail, p.SSH = provisioner.ClusterPaused, provisioner.ReasonPaused, "it sends 400 000 mails an hour", org.SignIn{}
	p.MayStop, p.MayExtend, p.MayDelete, p.MayConsole = false, false, false, false
	p.Paused, p.PausedWhy, p.PausedUntil, p.Support = ago(time.Hour), p.ReasonDetail, now().Add(167*time.Hour), "desk@north.example or +49 30 1234567"
	for i := range p.Nodes {
		p.Nodes[i].State, p.Nodes[i].Reason = provisioner.NodePaused, provisioner.ReasonPaused
	}
	p.Nodes[0].State = provisioner.NodePausing
	return p
}

// dress gives a cluster what goes with its state.
func dress(p *org.ClusterShowProps) {
	switch p.State {
	case provisioner.ClusterStarting:
		p.SSH, p.Ready, p.LeaseEnds, p.UsedMCS, p.HeldMCS = org.SignIn{}, time.Time{}, time.Time{}, 0, 28*hour
		p.BookedMCS, p.Cost, p.Proven, p.Tasks, p.AllTasks = 0, "", time.Time{}, taskRows()[4:], 8
		p.GateDeadline = now().Add(90 * time.Second)
	case provisioner.ClusterDegraded:
		p.Reason, p.ReasonDetail = provisioner.ReasonHostLost, "host-2 was last seen 41 s ago"
	case provisioner.ClusterStopped:
		p.Reason, p.SSH, p.MayStop, p.MayExtend, p.MayStart, p.HeldMCS = provisioner.ReasonHostRestarted, org.SignIn{}, false, false, true, 0
	case provisioner.ClusterGone:
		p.Reason, p.SSH, p.Subnet, p.HeldMCS, p.Ended = provisioner.ReasonLeaseEnded, org.SignIn{}, "", 0, now()
		p.BookedMCS = p.UsedMCS
		p.MayStop, p.MayExtend, p.MayDelete, p.MayConsole = false, false, false, false
	default: // as the sample has it
	}
}

func node(i int, s provisioner.NodeState) org.NodeRow {
	n := org.NodeRow{ID: id(byte(50 + i)), Name: "head", Role: provisioner.RoleHead, State: s, Host: fmt.Sprintf("host-%d", i%3+1), Address: fmt.Sprintf("10.90.7.%d", 10+i), Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 4096, DiskGiB: 10}, Seen: now()}
	if i > 0 {
		n.Name, n.Role, n.Shape = fmt.Sprintf("compute-%03d", i), provisioner.RoleCompute, provisioner.Shape{VCPUs: 4, MemoryMiB: 16384, DiskGiB: 20}
	}
	switch s {
	case provisioner.NodeReady:
		n.TimeToReady = time.Duration(2300+i*170) * time.Millisecond
	case provisioner.NodeLost:
		n.Reason = provisioner.ReasonHostLost
	case provisioner.NodeStopped:
		n.Reason = provisioner.ReasonHostRestarted
	case provisioner.NodeFailed:
		n.Reason, n.ReasonDetail = provisioner.ReasonHostRefused, "start compute-003: cannot allocate memory"
	default: // nothing to add
	}
	return n
}

func console() org.ConsoleProps {
	return org.ConsoleProps{
		Layout: orgLayout(), ClusterID: id(40), ClusterName: "trial-1", NodeID: id(50), NodeName: "head", State: provisioner.NodeReady, Host: "host-1", Open: true, LogCut: true,
		Log: "[    0.000000] Linux version 6.1.0-28-amd64 (debian-kernel@lists.debian.org)\r\n[    0.812003] virtio_net virtio0 ens3: renamed from eth0\r\n[    1.204511] systemd[1]: Reached target multi-user.\r\n\r\nhead login: root\r\n\x1b[01;32mroot@head\x1b[0m:~# hostname\r\nhead\r\n",
	}
}
