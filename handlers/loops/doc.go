// Package loops is what a worker does for ever, and the only way to hosts but for the jobs beside it (handlers/jobs):
//
//	Reconciler    takes up clusters whose wanted state is not reached and brings them there (reconcile.go, visit.go)
//	Observer      asks each host once a round what runs on it, and writes proof of life (observe.go)
//	Bookkeeper    ends leases and settles use (bookkeep.go), and mails what people want to hear of (tell.go)
//	AccessKeeper  tells running nodes who may sign in to them (access.go)
//	Drainer       gives the drain commands of clusters that shrink (drain.go)
//	UploadKeeper  removes uploads that nobody goes on with, or that were refused long ago (discard_uploads.go)
//	Certifier     signs the certificates of tests that passed, and makes the keys for it (certify.go)
//
// 2026-11-29: a round compares all that runs on a host with all rows of it. What runs although its node is stopped is asked to
// power off, with one line in the log; what no row knows is written down and left alone, since it may be another
// deployment's. What a host could not start was placed elsewhere by then: the round deletes what is left of it.
//
// 2026-11-29: copies of images are looked for every ten minutes and in the rounds after a deletion, beside the rounds and
// not in them: a large file takes longer to go than a round, and a late round ends runs. A copy that no image has goes at
// once where its image was deleted, else at the second look. That a disk stands on it the host says, who alone knows.
//
// 2026-11-29: a base image that no node uses goes by last use (images.go, stage_image.go): where the disk is short, or after
// 30 days. Who brings one to a host and who removes one claim it in the database first (base_images), and each keeps the other off:
// a launch that is committed while a removal is decided waits for its end and brings the image anew. Whether a node uses it is
// looked at in the statement that claims, and that alone would not do: a launch's rows may be younger than the statement's
// snapshot. So a removal names the use that it saw, and every bringing is another. The last word is the host's, who alone knows
// what no row has. A removal is bounded by a minute and its claim by two; a dead worker's stands in the way for no longer. That
// an image is wanted does not have to be asked before each start of a node: from its first row to its last one it is.
//
// 2026-11-30: a host that never answered this worker gets six rounds instead of three until it is silent and staff are told: its first
// answer costs a connection, which a machine makes slowly that has just begun with everything. What it proved before ends as it
// did; nobody is billed longer. The demo's past ended with three missed rounds of each host, which were told as a silence: it
// gives the hosts back now, and counts nothing.
//
// 2026-11-30: who may sign in to running nodes is a loop of its own (access.go) and neither a visit nor a job: a visit ends when a
// cluster is as it should be, and a job would be one for each node and change. A change of rights counts up a number of its
// organization; a node's row says up to which it was told, in which start of its machine, and what keeps it from the rest. Places are kept
// for nodes that are told for the first time, so that agents that let their callers wait cost nobody else a turn. A try that ends as
// the one before is not logged again.
//
// Any number of workers share the work. A cluster or a host is held under a short claim that its worker keeps while it
// lives; when it dies another takes over, begins from what the database and the hosts say, and ends at the same place.
// Nothing that matters is kept in memory. Start at reconcile.go.
package loops
