package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
)

type hostCommand struct {
	Add   addHost   `cmd:"" help:"Add a host to a pool, show the line to paste on its machine, check it and show the report."`
	Code  hostCode  `cmd:"" help:"Have a host wait for a new code, and show the line to paste on its machine."`
	Check checkHost `cmd:"" help:"Check a host again and show the report."`
	Move  moveHost  `cmd:"" help:"Give a host that runs no nodes another address, check it and show the report."`
	List  listHosts `cmd:"" help:"List a provider's hosts."`
}

type addHost struct {
	Host     string     `arg:"" help:"What to call the host."`
	Provider string     `required:"" help:"Name of the provider."`
	Pool     string     `required:"" help:"Name of the pool."`
	Scheme   string     `help:"How a worker speaks to its libvirt: tls or ssh; tcp, unix and memory where the worker allows them." default:"tls" enum:"tls,ssh,tcp,unix,memory"`
	Name     string     `help:"DNS name or IP address of its libvirt."`
	Port     int        `help:"Port of its libvirt; 0 takes the scheme's."`
	Underlay netip.Addr `required:"" help:"Its address in the pool's underlay network."`
	VCPUs    int        `name:"vcpus" help:"vCPUs that nodes may share; 0 takes what the check finds."`
	NoWait   bool       `help:"Do not wait for the check."`
}

// Run implements kong's command.
func (a addHost) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		provider, err := providerByName(ctx, db, a.Provider)
		if err != nil {
			return err
		}
		pool, err := db.Machines.PoolByName(ctx, provider.ID, a.Pool)
		if err != nil {
			return err
		}
		id, err := db.Machines.AddHost(ctx, uuid.Nil, provider.ID, pool, machines.NewHost{
			Name: a.Host, Underlay: a.Underlay, VCPUs: a.VCPUs,
			Address: provisioner.HostAddress{Scheme: provisioner.Scheme(a.Scheme), Name: a.Name, Port: a.Port},
		})
		if err != nil {
			return err
		}
		fmt.Printf("Host %s was added.\n", a.Host)
		if err := showLine(ctx, db, id, os.Stdout); err != nil || a.NoWait {
			return err
		}
		return followCheck(ctx, db, id, os.Stdout)
	})
}

// showLine prints what root pastes on a host's machine.
func showLine(ctx context.Context, db *floors.All, id uuid.UUID, out io.Writer) error {
	h, err := db.Machines.HostForWorker(ctx, id)
	if err != nil || h.Code == "" {
		return err
	}
	fmt.Fprintf(out, "Paste this line on its machine, as root, until %s; nothing is made there before:\n\n    %s\n\n",
		h.CodeUntil.UTC().Format("2 January 15:04 MST"), provisioner.EnrolLine(h.Address, h.Code, os.Getenv("VOLARY_MEMORY_STATE_DIR")))
	return nil
}

type hostCode struct {
	Host     string `arg:"" help:"The host, as it is called."`
	Provider string `required:"" help:"Name of the provider."`
	NoWait   bool   `help:"Do not wait for the check."`
}

// Run implements kong's command.
func (c hostCode) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		provider, h, err := findHost(ctx, db, c.Provider, c.Host)
		if err != nil {
			return err
		}
		if err := db.Machines.RenewHostCode(ctx, uuid.Nil, provider, h.ID); err != nil {
			return err
		}
		if err := showLine(ctx, db, h.ID, os.Stdout); err != nil || c.NoWait {
			return err
		}
		return followCheck(ctx, db, h.ID, os.Stdout)
	})
}

type checkHost struct {
	Host     string `arg:"" help:"The host, as it is called."`
	Provider string `required:"" help:"Name of the provider."`
}

// Run implements kong's command.
func (c checkHost) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		provider, h, err := findHost(ctx, db, c.Provider, c.Host)
		if err != nil {
			return err
		}
		if err := db.Machines.CheckHost(ctx, uuid.Nil, provider, h.ID); err != nil {
			return err
		}
		return followCheck(ctx, db, h.ID, os.Stdout)
	})
}

func findHost(ctx context.Context, db *floors.All, provider, name string) (uuid.UUID, machines.Host, error) {
	p, err := providerByName(ctx, db, provider)
	if err != nil {
		return uuid.Nil, machines.Host{}, err
	}
	hosts, err := db.Machines.Hosts(ctx, p.ID)
	if err != nil {
		return uuid.Nil, machines.Host{}, err
	}
	for _, h := range hosts {
		if h.Name == name {
			return p.ID, h, nil
		}
	}
	return uuid.Nil, machines.Host{}, repeatTyped(refusal.NotFound("host"), name)
}

type moveHost struct {
	Host         string       `arg:"" help:"The host, as it is called."`
	Provider     string       `required:"" help:"Name of the provider."`
	Scheme       string       `help:"How a worker speaks to its libvirt; without it as before." enum:",tls,ssh,tcp,unix,memory" default:""`
	Name         string       `help:"DNS name or IP address of its libvirt; without it as before."`
	Port         *int         `help:"Port of its libvirt; 0 takes the scheme's, without it as before."`
	Underlay     netip.Addr   `help:"Its address in the pool's underlay network; without it as before."`
	PoolUnderlay netip.Prefix `help:"The pool's new underlay network, which has to hold all of its hosts."`
	NoWait       bool         `help:"Do not wait for the check."`
}

// Run implements kong's command.
func (m moveHost) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		provider, h, err := findHost(ctx, db, m.Provider, m.Host)
		if err != nil {
			return err
		}
		if err := db.Machines.MoveHosts(ctx, uuid.Nil, provider, h.PoolID, machines.HostsMove{Underlay: m.PoolUnderlay, Hosts: []machines.MovedHost{m.from(h)}}); err != nil {
			return err
		}
		fmt.Printf("Host %s was moved and is being checked.\n", h.Name)
		if m.NoWait {
			return nil
		}
		return followCheck(ctx, db, h.ID, os.Stdout)
	})
}

// from is what becomes of the host.
func (m moveHost) from(h machines.Host) machines.MovedHost {
	to := machines.MovedHost{ID: h.ID, Address: h.Address, Underlay: h.Underlay}
	if m.Scheme != "" {
		to.Address.Scheme = provisioner.Scheme(m.Scheme)
	}
	if m.Name != "" {
		to.Address.Name = m.Name
	}
	if m.Port != nil {
		to.Address.Port = *m.Port
	}
	if m.Underlay.IsValid() {
		to.Underlay = m.Underlay
	}
	return to
}

// How often a check is looked at, and after how long without a line one is told that no worker may be there.
const (
	checkPause   = 300 * time.Millisecond
	checkPatient = 20 * time.Second
)

var errCheckFailed = errors.New("the host did not pass: repair what is named above, then run volary host check")

var errNoCode = errors.New("the host's code has ended, and nothing was made on its machine: volary host code gives it another")

// followCheck writes a line for each step of a check as it is taken, and fails where the host does not pass.
func followCheck(ctx context.Context, db *floors.All, id uuid.UUID, out io.Writer) error {
	shown, began, hinted, seen := 0, time.Now(), false, ""
	tick := time.NewTicker(checkPause)
	defer tick.Stop()
	for {
		h, err := db.Machines.HostForWorker(ctx, id)
		if err != nil {
			return err
		}
		for ; shown < len(h.CheckReport); shown++ {
			writeCheck(out, h.CheckReport[shown])
		}
		if h.CodeSeen != "" && h.CodeSeen != seen {
			seen, hinted = h.CodeSeen, true
			fmt.Fprintln(out, seen)
		}
		switch h.CheckState {
		case "none":
			return errNoCode
		case "passed":
			fmt.Fprintf(out, "%s is %s: %s, %d MiB, %d GiB, %s.\n", h.Name, h.State, refusal.Plural(h.Capacity.VCPUs, "vCPU", "vCPUs"), h.Capacity.MemoryMiB, h.Capacity.DiskGiB, h.Acceleration)
			return nil
		case "failed":
			return errCheckFailed
		}
		if shown == 0 && !hinted && time.Since(began) > checkPatient {
			hinted = true
			fmt.Fprintln(out, "Nothing has come yet: is a worker running?")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func writeCheck(out io.Writer, c provisioner.HostCheck) {
	verdict := string(c.State)
	if c.State == provisioner.CheckFailed {
		verdict = "FAILED"
	}
	fmt.Fprintf(out, "  %-7s  %-24s %6.1f s  %s\n", verdict, c.Name, c.Seconds, c.Detail)
}

type listHosts struct {
	Provider string `required:"" help:"Name of the provider."`
}

// Run implements kong's command.
func (l listHosts) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		provider, err := providerByName(ctx, db, l.Provider)
		if err != nil {
			return err
		}
		hosts, err := db.Machines.Hosts(ctx, provider.ID)
		if err != nil {
			return err
		}
		return writeHosts(os.Stdout, hosts)
	})
}

func writeHosts(out io.Writer, hosts []machines.Host) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "POOL\tHOST\tSTATE\tSEEN\tACCELERATION\tNODES\tVCPUS\tMEMORY MIB\tDISK GIB\tREASON")
	for _, h := range hosts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d/%d\t%d/%d\t%d/%d\t%s\n", h.PoolName, h.Name, h.Standing(), h.Seen, h.Acceleration, h.Nodes,
			h.Used.VCPUs, h.Capacity.VCPUs, h.Used.MemoryMiB, h.Capacity.MemoryMiB, h.DiskTaken(), h.Capacity.DiskGiB,
			cmp.Or(h.WhyUnfit(), h.StateReason))
	}
	return w.Flush()
}
