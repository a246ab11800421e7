// Package tryout boots a model cluster over a driver and tests it as a provider does: the plan is package plan's, the judge package
// acceptance's, the gates the model's. What differs is who runs it: one process that looks on from the start to the end, without a store.
//
//	Begin    a model and its images  ->  a Trial, or why there is none; nothing is made yet
//	Run      network, nodes, gates, reports, visit, shutdown, images, second boot  ->  provisioner.Report, and nothing is left on the host
//
// # Decided
//
// 2026-11-30: a node's gate has the time that its group gives it, from the node's start, as in a deployment; a node that misses it, or goes off
// before the cluster is ready, ends the test there. Guests have two minutes more to report and to reach the head. The network is always
// sealed, as a test's is.
//
// 2026-11-30: the report has the rows of a provider's test, in its order, by its judge, and what decides between two looks is acceptance's (Told,
// ToldAgain, Unfit, FindUser) for both. What a trial adds is Keep: a cluster that somebody was on is not booted a second time, since its
// disks may have been changed, and that row is not observed. The edge is read before Keep, since a person comes in over it.
package tryout
