// Package provisioner holds the words of the machine side of Volary: hosts, networks, nodes, the states of a
// cluster, and the Driver through which every host is reached. It decides nothing and imports nothing of ours;
// the packages below it plan (placement, plan, reconcile), describe (domainxml, cloudinit), inspect (image) and
// act (libvirt, memory, qemu).
//
// # States
//
// What is wanted is a node's (running, stopped or gone), and so is a state. Nodes that are wanted together are a batch (a launch,
// a scale, a replacement, a restart): all of them become ready or none, until a gate deadline of its own and out of a hold of its
// own. A batch that fails undoes itself and nothing else.
//
//	          begin           gate met        proven dead, silent
//	reserved ──────▶ starting ────────▶ ready ◀──────────────────▶ lost
//	   ▲  │              │  │             │ ▲ pause                 │
//	   │  │ batch fails  │  │             │ ╰──────▶ pausing ─▶ paused
//	   │  ╰──────▶ failed ◀─╯             │ stop, delete       │
//	   │             │                    ▼                    │
//	   │ restart     │               stopping ◀────────────────╯
//	   │             │                    │
//	   ╰──────── stopped ◀────────────────┤
//	                 │                    │
//	                 ╰──────────────────▶ gone
//
// Every move there is, and who makes it (store/machines):
//
//	from                                     to        by
//	                                         reserved  a batch: LaunchCluster, ScaleCluster, StartAcceptance
//	reserved                                 starting  BeginNode, before anything is made on its host
//	starting                                 reserved  ReplaceNodes: its host said that it does not start it
//	reserved, starting                       ready     MarkNodesReady, with all others of its batch
//	reserved, starting                       failed    FailBatch, with all others of its batch
//	ready, stopping                          lost      RecordMissedRound: its host is silent
//	ready                                    lost      RecordRound: halted by its host, or started anew
//	lost                                     ready     RecordRound: its life is proven again
//	lost                                     stopping  RecordRound: its host answers, and it is not to run
//	ready, lost                              stopped   RecordRound: its machine is off
//	ready, lost                              paused    RecordRound: suspended on its host by hand
//	starting, ready, lost                    pausing   PauseCluster
//	pausing                                  paused    MarkNodesPaused
//	paused                                   pausing   RecordRound: it ran again while its cluster is paused
//	pausing, paused                          starting  ResumeCluster: it was never ready
//	pausing                                  paused    ResumeCluster: it was
//	pausing, paused                          stopped   RecordRound: its machine is off
//	paused                                   ready     RecordRound: its life is proven again
//	paused                                   lost      RecordRound: halted by its host, or started anew
//	starting, ready, pausing, paused         stopping  StopCluster, DeleteCluster, EndCluster, EndLeases and what else ends a cluster;
//	                                                   ScaleCluster, RecordDrain and AnswerDrain, of nodes that leave one which runs on
//	every one but gone                       stopped   MarkNodesStopped: it is to be stopped, and was seen off
//	stopped, and each that a start finds     reserved  StartCluster, StartTestAgain: a batch of the kind restart
//	every one                                gone      MarkNodesGone: it is to be gone, and nothing is left of it
//
// A cluster has no state of its own: DeriveClusterState is the one rule by which it follows from its nodes, and from whether its
// provider paused it. Rows of gone nodes do not count, and a name is unique among nodes that are not gone. The first line of these
// that is so is the state:
//
//	no node is left                                    gone
//	every node that is left is to go                   stopping
//	one that is to run has failed, and no pause lasts  failed
//	its provider paused it                             paused
//	every node that is to stay is stopped              stopped
//	none is to run                                     stopping
//	each that is to run is reserved                    waiting
//	each is reserved or starting                       starting
//	all others that are to run are ready               ready
//	else                                               degraded
//
// Delete is allowed from every state. The lease is the cluster's, and begins with its first batch. What was last asked of the
// whole of a cluster (clusters.desired) bounds what is wanted of each of its nodes: none runs in a cluster that is to be stopped, and
// none stays in one that is to go. The database refuses the end of a transaction that leaves it otherwise.
//
// A host has what staff want of it (HostState: active, cordoned, draining) and what is seen of it (HostSeen: up, late, silent), in
// two columns: a cordoned host that dies is seen to die.
//
// 2026-11-30: what was wanted was a cluster's, and one lost or late node made the whole hopeless, which is right for a first launch
// and would have deleted a running cluster on its first scale-up. A pause stays a cluster's: what is wanted of its nodes waits
// for its end.
package provisioner
