package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"volary.dev/cmd/internal/postgres"
	"volary.dev/provisioner/lab"
)

// hostKind is what kind of hosts a run has.
type hostKind string

const (
	hostsLab    hostKind = "lab"    // real libvirt hosts in namespaces of this machine
	hostsMemory hostKind = "memory" // simulated
)

// chooseHosts takes the lab where this machine can carry it, installing what is missing, and else simulated hosts,
// saying why. Where the lab was asked for by name, what is missing is an error.
func chooseHosts(ctx context.Context, out io.Writer, asked hostKind) (hostKind, error) {
	kind := asked
	if kind == "" {
		kind = hostsLab
		if err := lab.Check(); cannotBecomeLab(err) {
			fmt.Fprintf(out, "Simulated hosts: %v.\n", err)
			if os.Geteuid() != 0 {
				fmt.Fprintln(out, `For real ones: sudo env "PATH=$PATH" go run ./cmd/dev up --reset`)
			}
			kind = hostsMemory
		}
	}
	if err := ensurePackages(ctx, out, neededPackages(kind)); err != nil {
		if asked == "" && kind == hostsLab {
			fmt.Fprintf(out, "Simulated hosts: %v.\n", err)
			return hostsMemory, nil
		}
		return "", err
	}
	if kind == hostsMemory {
		return kind, nil
	}
	if err := lab.Check(); err != nil {
		if asked == "" {
			fmt.Fprintf(out, "Simulated hosts: %v.\n", err)
			return hostsMemory, nil
		}
		return "", fmt.Errorf("%w; --hosts=memory simulates hosts", err)
	}
	return kind, nil
}

// cannotBecomeLab tells whether more is missing than packages, which we could install.
func cannotBecomeLab(err error) bool {
	var missing *lab.MissingError
	return errors.As(err, &missing) && (missing.Root || missing.Namespaces != nil)
}

func neededPackages(kind hostKind) []string {
	var names []string
	if kind == hostsLab {
		names = labPackages()
	}
	if os.Getenv("DATABASE_URL") == "" && !postgres.Available() {
		names = append(names, databasePackages()...)
	}
	return names
}

func ensurePackages(ctx context.Context, out io.Writer, names []string) error {
	if len(names) == 0 {
		return nil
	}
	missing, err := missingPackages(ctx, names)
	if err != nil || len(missing) == 0 {
		return err
	}
	slices.Sort(missing)
	s := newSteps(out)
	return s.do("Debian packages", func() (string, error) { return "", installPackages(ctx, s, missing) })
}
