package provisioner_test

import (
	"testing"

	"volary.dev/provisioner"
)

func TestDeriveClusterState(t *testing.T) {
	for _, c := range []struct {
		want  provisioner.Desired
		nodes []provisioner.NodeState
		state provisioner.ClusterState
	}{
		{provisioner.DesiredRunning, []provisioner.NodeState{provisioner.NodeReserved, provisioner.NodeReserved}, provisioner.ClusterWaiting},
		{provisioner.DesiredRunning, []provisioner.NodeState{provisioner.NodeReserved, provisioner.NodeStarting}, provisioner.ClusterStarting},
		{provisioner.DesiredRunning, []provisioner.NodeState{provisioner.NodeReady, provisioner.NodeStarting}, provisioner.ClusterStarting},
		{provisioner.DesiredRunning, []provisioner.NodeState{provisioner.NodeReady, provisioner.NodeReady}, provisioner.ClusterReady},
		{provisioner.DesiredRunning, []provisioner.NodeState{provisioner.NodeReady, provisioner.NodeLost}, provisioner.ClusterDegraded},
		{provisioner.DesiredRunning, []provisioner.NodeState{provisioner.NodeReady, provisioner.NodeStopped}, provisioner.ClusterDegraded},
		{provisioner.DesiredRunning, []provisioner.NodeState{provisioner.NodeReady, provisioner.NodeFailed}, provisioner.ClusterFailed},
		{provisioner.DesiredRunning, []provisioner.NodeState{provisioner.NodeStopped, provisioner.NodeStopped}, provisioner.ClusterStopped},
		{provisioner.DesiredPaused, []provisioner.NodeState{provisioner.NodePaused, provisioner.NodePausing}, provisioner.ClusterPaused},
		{provisioner.DesiredPaused, []provisioner.NodeState{provisioner.NodeStopped, provisioner.NodeStopped}, provisioner.ClusterPaused},
		{provisioner.DesiredRunning, []provisioner.NodeState{provisioner.NodeReady, provisioner.NodePaused}, provisioner.ClusterDegraded},
		{provisioner.DesiredStopped, []provisioner.NodeState{provisioner.NodeStopped, provisioner.NodeStopping}, provisioner.ClusterStopping},
		{provisioner.DesiredStopped, []provisioner.NodeState{provisioner.NodeStopped, provisioner.NodeStopped}, provisioner.ClusterStopped},
		{provisioner.DesiredGone, []provisioner.NodeState{provisioner.NodeStopped, provisioner.NodeStopped}, provisioner.ClusterStopping},
		{provisioner.DesiredGone, []provisioner.NodeState{provisioner.NodeFailed, provisioner.NodeGone}, provisioner.ClusterStopping},
		{provisioner.DesiredGone, []provisioner.NodeState{provisioner.NodeGone, provisioner.NodeGone}, provisioner.ClusterGone},
	} {
		if got := provisioner.DeriveClusterState(c.want, c.nodes); got != c.state {
			t.Errorf("wanted %s with nodes %v: %s, want %s", c.want, c.nodes, got, c.state)
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
