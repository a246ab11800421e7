// Command volary is the operator's and the group's command. It is also what libvirt calls on a host: `volary hook
// network` makes a cluster's network what the portal wrote into it.
//
// Each subcommand is a field of commands in main.go, with its type and its Run method in a file of its own. The program
// links no C, so that one file runs on any host.
package main
