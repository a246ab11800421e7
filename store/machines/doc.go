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
// 2026-11-29: a provider pauses a cluster (PauseCluster) so that a case is kept while it is looked into; a pause is a fourth
// thing that can be wanted of a cluster. Rounds prove nothing of a node that is pausing or paused, and the pause bounds the
// open runs at its own moment, so that whatever hosts and workers do later nothing of it is billed; a new run begins with
// the first proof after it. What is set aside stays, for its organization is to get the rest of its lease: the lease's end
// moves by the pause, rounded down to seconds, so that the runs before and after it fit what was set aside. So that neither
// hours nor memory of hosts are kept for ever a pause ends after PausedFor, as an end by staff with the pause's reason. Its
// organization changes nothing meanwhile, not even by deleting: the case is kept from it, too. A launch stands with its
// gate's time. A free test is not paused: its network is sealed, and what its guests printed stays in the report. A
// suspended organization's cluster stays paused and does not go on; a suspended provider still pauses and lets go on, which
// wind down.
//
// 2026-11-29: a machine that stands without a pause is not ready. Suspended by hand on its host it goes on by itself, once a
// round has seen it, with a line in the log: what is wanted is said here, and staff have a pause for the other. Halted by
// its host, as for a full disk, it is lost until it runs, and is not made to go on again and again. Both end the run at the
// last proof of life, and the next proof begins another.
//
// 2026-11-29: a host is enrolled (EnrolHost) by a code that its own hook reports, and is known from then on by its libvirt's
// UUID, which every connection is asked for, and by the key of its hook, which is asked for before the first change of a
// connection and in each round. Both are unique over all providers, among hosts that are not removed; an address is so among
// a provider's own hosts alone, since a row with another's address must not keep that one from adding his machine. The code
// stands in its row in the clear for a day: it proves that somebody is root where it was written, and who only knows it can
// prove nothing. Hosts that had passed a check before stay enrolled, and the first key that their hook reports is theirs.
//
// 2026-11-29: a host's line is shown before the host is added (NewHost.Form), because that is where work on a machine begins. Nothing
// is kept for it: the code is a digest of who looks at the form, for whom, and of the form's id, which has its age in it. So a
// form's code is as good as one that was drawn: nobody else's form has it, and it is not taken after a day.
//
// 2026-11-29: the check of a host looks at every other host of its pool (host_pairs), and what it finds counts for both. Where
// two cannot reach one another the newcomer takes no nodes; the other's report says so, and it keeps what it has.
//
// 2026-11-29: what nodes came to is kept (node_steps), for a row of nodes says only where they are. A trigger writes it in the
// transaction that changes the state, since some fifteen statements change it and the next would be forgotten; it is
// insert-only, a row for each change and node and none for a round. The two steps that are no states, a machine made and a gate
// met, are noted by the worker (NoteNodes), once for each start however many workers go on with it. Steps of one moment and
// reason are one line of the task log (Tasks), and what a deed says its nodes do not say again.
//
// 2026-11-29: base images of hosts are rows (base_images), written by who brings one and corrected by what the host lists every ten
// minutes (RecordImages). When one was last used is noted in the same looks and by each start that needs it, in the database's
// time: a trigger on nodes would be exact, and would lock rows that every launch on the host shares. What nodes are to stand on
// counts before it is there, by the size of the canonical file.
//
// 2026-11-29: a host that is not enrolled is called that and not active, in lists, pages, counts and filters. What staff want of it
// stays beside: it may be cordoned before it comes.
//
// 2026-11-29: an extension above the cap is asked for as a launch is (RequestExtension): it was refused with the advice to ask a
// manager, who had no page for it. It counts to the cap of who started the cluster, as every hour of it does. The log has who asked
// as who launched, started or extended, from no address, and who approved as who approved: it had the manager as both.
//
// 2026-11-29: all that is wrong with the fields of a launch is said at once (judgeFields, LaunchFaults). A name's fault came to
// light only when the lease's was mended.
//
// 2026-11-30: a launch counts its nodes by group (Counts), and of several groups each is said, be it none: a group that was left out
// by a form of another version must not be taken for one of which none is wanted. The only group of a version needs no name, so that
// links and requests from before groups had names go on. A refusal of a count stands at its group's field (CountField).
//
// 2026-11-30: a refused cluster name is refused with one that would do (cluster_names.go): the nearest to what was typed, or the next
// number that is free. A quote says what has to be copied to hosts before nodes start (copies.go), in bytes: how long that takes
// depends on who else is copied to.
//
// 2026-11-30: what is wanted is a node's (nodes.desired), and batches say which are wanted together. clusters.desired stays as what was
// last asked of the whole: a pause is of that kind alone, and a lease ends the whole. A failed batch gives back what was set aside for it
// to the unit (ReleasePart), out of the lots that expire last, since those that expire first are used first; nothing of it was used, for
// metering begins with the gates of the whole batch. Its nodes are then deleted one by one, and the networks of the others made anew
// without their names.
//
// 2026-11-30: a lease ends on a date, after some seconds or when its cluster is stopped (LeaseTerms). The last is an ordinary lease that
// the worker extends by an hour (ExtendLeases) whenever an hour or less is left of it, under the cluster's lock and with the hours set aside
// in the same transaction: who comes second finds an hour ahead. Where it cannot be extended it ends as others do, and says why; EndLeases
// tries it once more first, so that no worker's absence ends what hours are there for. What is kept after a lease (kept_until) counts from
// when the cluster was stopped and not from the lease's end, so that a worker that comes late takes nothing from anybody's days. Disks that
// are to be kept count as promised from the launch on (kept_disks.go): at the end of a lease nobody is there to be refused.
//
// It imports the core, people and models. Start at launch_cluster.go, then rounds.go; the rules of every floor are in the
// core's doc.go.
//
// 2026-11-30: a test that cannot begin waits as a row without a cluster, and without a job: the worker's bookkeeper begins it
// (begin_tests.go). Organizations take turns on a pool: the first waiting test of each, that of whoever began one longest ago first, then
// the second of each. A test that lacks room holds up those behind it, or large ones would wait for ever; one whose organization runs its
// most does not. The web process begins a test itself only where none comes before it. What would not fit even on empty hosts is refused at
// once, and what waits is looked at again each time: suspended, withdrawn or retired meanwhile, it ends as cancelled. Nothing is reserved for
// it. The worker may therefore insert clusters and nodes, and reads of SSH keys those with a right (rightful_keys). A cancelled test has
// not failed: whoever cancels says nothing of the version.
//
// 2026-11-30: keys leave running nodes (access.go). What a node was told is the guest's own word, and pages say no more than that it
// said so. A key with a right again in the same start, without accounts, comes back with the next one. Logins are for the people who may work
// with clusters and have a key, at most 1000 a node; owners and managers become root, as they may stop and delete the cluster anyway,
// and plain members do not: what they need root for is the version's user, who stays as he is.
//
// 2026-11-30: how a pool takes nodes is said in its row: spread or packed, vCPUs per processor, labels that a host needs. What a
// host gives (HostVCPUs) and whether it takes nodes (TakesNodes) is computed from both rows wherever it is read, and so is true at once when
// the pool changes. A pool's labels bind new nodes alone: what stands on a host stays, and starts there again. Nodes that were placed while a host gave more
// stay, too; it takes new ones when it has room again. Two labels are found by checks and written by nobody: acceleration, and processor, which is
// what a pool of one CPU baseline asks for.
//
// 2026-11-30: a launch reads all hosts and nodes of its pool (readHosts) while others wait for the pool's lock, so that it does so in two statements
// over whole tables, and not by a look at each host as pages do.
package machines
