//go:build libvirt

package libvirt

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"volary.dev/provisioner/enrolment"
	"volary.dev/provisioner/hostline"
	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/nethook"
)

// TestMain lets this binary be the lab's processes, the hosts' network hook and the hosts' drivers as well.
func TestMain(m *testing.M) {
	lab.Main()
	if len(os.Args) > 2 && os.Args[1] == "hook" && os.Args[2] == "network" {
		if err := nethook.Run(context.Background(), os.Args[3:], os.Stdin, time.Now()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 3 && os.Args[1] == "hook" && os.Args[2] == "enrol" {
		if err := enrolment.Enrol(context.Background(), os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == "host-line" {
		if err := hostline.Serve(Open); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
