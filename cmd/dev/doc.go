// Command dev is everything a developer types: up, down, test, check, gen, shots, bench. It runs on a machine where
// nothing is installed but git, Go and gcc, so it reaches no C code.
//
// `up` leaves nothing behind however it ends. PostgreSQL, worker and web are its children, which the kernel ends with
// it (cmd/internal/child); the lab hangs on one process that dies with it as well (provisioner/lab). Where `go run` is
// killed, which tells its child nothing, we are told by the kernel and end in order.
//
// Its files and data are below .volary/ in the checkout. Start at main.go.
package main
