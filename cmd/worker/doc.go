// Command worker is the process that reaches hosts: it reconciles clusters, observes hosts, settles use, works the
// jobs and serves consoles to web. Any number of workers share one database. It is configured by environment only
// (cmd/internal/setup.WorkerConfig) and expects a migrated database.
//
// Built with the tag libvirt it reaches libvirt hosts and needs libvirt's headers; without it simulated hosts alone.
package main
