// Command dev is everything a developer types: up, down, test, check, gen, shots, bench. It runs on a machine where
// nothing is installed but git, Go and gcc, so it reaches no C code.
//
// `up` leaves nothing behind however it ends. PostgreSQL, worker and web are its children, which the kernel ends with
// it (cmd/internal/child); the lab hangs on one process that dies with it as well (provisioner/lab). Where `go run` is
// killed, which tells its child nothing, we are told by the kernel and end in order.
//
// What ends by itself while up runs is started again and never given up (2026-11-29): web and worker, as whatever runs
// them in production does, and PostgreSQL, at the same address and on the same data, so that the two go on with the
// processes they are. The pause grows to half a minute and begins anew after a minute's life; each end is one line. Only
// what never came up ends up, since starting it again would change nothing.
//
// `test -load` (2026-11-29) shows that no test depends on an idle or a large machine: processes of this program under another
// name keep every core busy and hold 60 % of the memory, and end with it as its children do (burden.go). What one lacks for
// that is said before anything is begun.
//
// `bench upload` (2026-11-30) measures with a disk that it makes once (.volary/bench): the sample image with what a working disk has in its
// free space. Both sides are sent by one client in the page's pieces. What is done by hand beside a check has the niceness of
// the worker's children, or a busy machine would favour it. Web is started anew before its memory is read: a sign-in leaves 64 MiB
// of a password's hash behind, which a portal at rest does not have.
//
// Its files and data are below .volary/ in the checkout. Start at main.go.
package main
