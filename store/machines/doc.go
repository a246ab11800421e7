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
// 2026-11-29: a host is enrolled (EnrolHost) by a code that its own hook reports, and is known from then on by its libvirt's
// UUID, which every connection is asked for, and by the key of its hook, which is asked for before the first change of a
// connection and in each round. Both are unique over all providers, among hosts that are not removed; an address is so among
// a provider's own hosts alone, since a row with another's address must not keep that one from adding his machine. The code
// stands in its row in the clear for a day: it proves that somebody is root where it was written, and who only knows it can
// prove nothing. Hosts that had passed a check before stay enrolled, and the first key that their hook reports is theirs.
//
// 2026-11-29: the check of a host looks at every other host of its pool (host_pairs), and what it finds counts for both. Where
// two cannot reach one another the newcomer takes no nodes; the other's report says so, and it keeps what it has.
//
// It imports the core, people and models. Start at launch_cluster.go, then rounds.go; the rules of every floor are in the
// core's doc.go.
package machines
