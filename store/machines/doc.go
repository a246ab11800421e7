// Package machines is the floor of hosts and of what runs on them: pools, shapes, hosts and their rounds, clusters,
// nodes, leases, launches and their requests and caps, and what the reconciler reads and writes down.
//
// Hours and runs are the books': what a launch, a lease and a round need of them in their own transactions is the
// interface Books (books.go). Room is judged by placement.
//
// # Decided
//
// 2026-11-29: a provider ends a cluster (EndCluster) by stopping and barring it, and not by deleting it at once: a mistake,
// or a case that is cleared up, costs nobody data. The disks lie no longer than DisksKept, so that hosts come free; what is
// allowed again (AllowCluster) is a stopped cluster like any other.
//
// 2026-11-29: a launch's refusal (LaunchRefused) carries its page: hosts and hours are those of the decision itself, so that
// the figures beside a refusal are never another moment's, and what the form chooses from is read in one snapshot after the
// transaction that held the pool's lock.
//
// It imports the core, people and models. Start at launch_cluster.go, then rounds.go; the rules of every floor are in the
// core's doc.go.
package machines
