package webtest

import (
	"time"

	"volary.dev/provisioner"
	"volary.dev/web/org"
)

func clusterScale() org.ClusterScaleProps {
	p := org.ClusterScaleProps{
		Layout: orgLayout(), ID: id(40), Name: "trial-1", State: provisioner.ClusterReady, Group: "compute", Count: "3",
		LeaseEnds: now().Add(90 * time.Minute), LeaseLeft: 90 * time.Minute, LeftMCS: 833*hour - 1_234_567, Price: "0.045 EUR", Drains: true, MayScale: true,
		Groups: []org.ScaleGroup{
			{Name: "compute", Now: 3, Least: 1, Most: 8, Shape: "m.medium: 4 vCPUs, 16.0 GiB", RateMCS: 4000, NeedMCS: 6 * hour, Cost: "0.27 EUR"},
			{Name: "gpu", Now: 1, Least: 0, Most: 2},
		},
	}
	for i := range 3 {
		p.Groups[0].Nodes = append(p.Groups[0].Nodes, org.ScaleNode{ID: id(byte(51 + i)), Name: provisioner.ComputeName(i + 1), State: provisioner.NodeReady, RateMCS: 4000, BackMCS: 6 * hour})
	}
	return p
}

func clusterScaleRefused() org.ClusterScaleProps {
	p := clusterScale()
	p.Count, p.Drains, p.Cap = "16", false, &org.Cap{MCS: 50 * hour, LeftMCS: 12 * hour, Since: ago(200 * time.Hour)}
	p.Groups, p.Groups[0].Nodes[1].Chosen = p.Groups[:1], true
	p.Form = refused(map[string]string{"count": "Choose 1 to 8 compute nodes; 16 was given.", "nodes": "To come from 3 to 1 node choose 2 to go, or none for the newest; 1 is chosen."})
	return p
}

func growingCluster() org.ClusterShowProps {
	p := cluster(provisioner.ClusterReady)
	p.Scaling = org.Scaling{Group: "compute", Coming: 2, Met: 1, GateDeadline: now().Add(90 * time.Second), HeldMCS: 12 * hour}
	return p
}

func notGrownCluster() org.ClusterShowProps {
	p := cluster(provisioner.ClusterReady)
	p.ScaleGroups = []string{"compute", "gpu"}
	p.Scaling = org.Scaling{Group: "gpu", Coming: 1, NotGrown: ago(3 * time.Minute), Why: "host refused (host-3: internal error: Cannot allocate memory)"}
	return p
}

func drainingCluster() org.ClusterShowProps {
	p := cluster(provisioner.ClusterReady)
	p.Scaling = org.Scaling{
		Drain: id(70), Leaving: []string{"compute-002", "compute-003"}, Until: now().Add(4 * time.Minute), MayAnswer: true,
		Problem: "The drain command did not end within 10 minutes: jobs may still run on the nodes.",
	}
	return p
}
