package provisioner_test

import (
	"testing"

	"volary.dev/provisioner"
)

func TestDeriveClusterState(t *testing.T) {
	const run, stop, leave = provisioner.DesiredRunning, provisioner.DesiredStopped, provisioner.DesiredGone
	type nodes = []provisioner.NodeStanding
	for _, c := range []struct {
		name   string
		paused bool
		nodes  nodes
		state  provisioner.ClusterState
	}{
		{"reserved", false, nodes{{run, provisioner.NodeReserved}, {run, provisioner.NodeReserved}}, provisioner.ClusterWaiting},
		{"one starts", false, nodes{{run, provisioner.NodeReserved}, {run, provisioner.NodeStarting}}, provisioner.ClusterStarting},
		{"all ready", false, nodes{{run, provisioner.NodeReady}, {run, provisioner.NodeReady}}, provisioner.ClusterReady},
		{"a second batch on its way", false, nodes{{run, provisioner.NodeReady}, {run, provisioner.NodeReserved}, {run, provisioner.NodeStarting}}, provisioner.ClusterReady},
		{"a second batch on its way to a degraded one", false, nodes{{run, provisioner.NodeReady}, {run, provisioner.NodeLost}, {run, provisioner.NodeStarting}}, provisioner.ClusterDegraded},
		{"a second batch that failed", false, nodes{{run, provisioner.NodeReady}, {leave, provisioner.NodeFailed}}, provisioner.ClusterReady},
		{"a node that was taken away", false, nodes{{run, provisioner.NodeReady}, {leave, provisioner.NodeGone}}, provisioner.ClusterReady},
		{"a stopped node beside others", false, nodes{{run, provisioner.NodeReady}, {stop, provisioner.NodeStopped}}, provisioner.ClusterReady},
		{"lost", false, nodes{{run, provisioner.NodeReady}, {run, provisioner.NodeLost}}, provisioner.ClusterDegraded},
		{"off by itself", false, nodes{{run, provisioner.NodeReady}, {run, provisioner.NodeStopped}}, provisioner.ClusterDegraded},
		{"failed", false, nodes{{run, provisioner.NodeReady}, {run, provisioner.NodeFailed}}, provisioner.ClusterFailed},
		{"all off by themselves", false, nodes{{run, provisioner.NodeStopped}, {run, provisioner.NodeStopped}}, provisioner.ClusterStopped},
		{"paused", true, nodes{{run, provisioner.NodePaused}, {run, provisioner.NodePausing}}, provisioner.ClusterPaused},
		{"paused and off", true, nodes{{run, provisioner.NodeStopped}, {run, provisioner.NodeStopped}}, provisioner.ClusterPaused},
		{"going on", false, nodes{{run, provisioner.NodeReady}, {run, provisioner.NodePaused}}, provisioner.ClusterDegraded},
		{"stopping", false, nodes{{stop, provisioner.NodeStopped}, {stop, provisioner.NodeStopping}}, provisioner.ClusterStopping},
		{"stopped", false, nodes{{stop, provisioner.NodeStopped}, {stop, provisioner.NodeStopped}}, provisioner.ClusterStopped},
		{"being deleted", false, nodes{{leave, provisioner.NodeStopped}, {leave, provisioner.NodeStopped}}, provisioner.ClusterStopping},
		{"half deleted", false, nodes{{leave, provisioner.NodeFailed}, {leave, provisioner.NodeGone}}, provisioner.ClusterStopping},
		{"gone", false, nodes{{leave, provisioner.NodeGone}, {leave, provisioner.NodeGone}}, provisioner.ClusterGone},
		{"no node", false, nil, provisioner.ClusterGone},
	} {
		if got := provisioner.DeriveClusterState(c.paused, c.nodes); got != c.state {
			t.Errorf("%s: %s, want %s", c.name, got, c.state)
		}
	}
}

func TestEveryReasonHasItsSentence(t *testing.T) {
	for _, r := range []provisioner.Reason{
		provisioner.ReasonAsked, provisioner.ReasonLeaseEnded, provisioner.ReasonGateMissed, provisioner.ReasonHostLost, provisioner.ReasonHostRestarted, provisioner.ReasonStartedAnew, provisioner.ReasonHostRefused,
		provisioner.ReasonGuestOff, provisioner.ReasonTestEnded, provisioner.ReasonStaff, provisioner.ReasonSuspended, provisioner.ReasonPlatform, provisioner.ReasonVersion,
		provisioner.ReasonPaused, provisioner.ReasonPausedOnHost, provisioner.ReasonHalted,
	} {
		if provisioner.ReasonText(r) == "" {
			t.Errorf("%q has no sentence", r)
		}
	}
}
