package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"volary.dev/handlers/loops"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/machines"
	"volary.dev/store/queue"
)

// checkTimeout bounds a check as a whole, the copying of the probe image included.
const checkTimeout = 20 * time.Minute

// CheckHost waits for a host's code, and then proves the host before nodes are placed on it: what a host says of itself is
// not enough, so that guests are booted on it, one fills its console, and a packet is sent between two of them.
type CheckHost struct {
	river.WorkerDefaults[queue.CheckHost]
	loops.Engine
	ProbeImage string // path of the sample image
	Probe      ProbeTimes
	EnrolPause time.Duration // between two questions for a host's code; 0 takes 15 s
}

// ProbeTimes bound the guests of a check. Zero fields take the defaults beside them.
type ProbeTimes struct {
	// KVM is how long a guest under KVM may write nothing: one that hangs never ends by itself, and one that goes on, slow as
	// its host may be, has as long as under TCG. 12 s.
	KVM     time.Duration
	TCG     time.Duration // 3 min: without acceleration a busy host takes long
	Overlay time.Duration // 3 min
	Fill    time.Duration // 4 min, for a guest to write three times what is kept of a console
	Poll    time.Duration // 250 ms
}

func (p ProbeTimes) withDefaults() ProbeTimes {
	return ProbeTimes{
		KVM: cmp.Or(p.KVM, 12*time.Second), TCG: cmp.Or(p.TCG, 3*time.Minute),
		Overlay: cmp.Or(p.Overlay, 3*time.Minute), Fill: cmp.Or(p.Fill, 4*time.Minute), Poll: cmp.Or(p.Poll, 250*time.Millisecond),
	}
}

// Timeout implements river.Worker.
func (*CheckHost) Timeout(*river.Job[queue.CheckHost]) time.Duration { return checkTimeout }

// Work implements river.Worker. Guests and networks of a check have ids made from the host's, so that the next check
// removes what a killed one left.
func (c *CheckHost) Work(ctx context.Context, job *river.Job[queue.CheckHost]) error {
	h, err := c.Machines.HostForWorker(ctx, job.Args.HostID)
	if err != nil {
		return err
	}
	if over, err := c.Machines.PassOverCheck(ctx, h.ID); over || err != nil {
		return err // guests are booted for no suspended provider, whenever the check was asked for
	}
	if h.EnrolledAt == nil || h.Code != "" {
		if enrolled, err := c.enrol(ctx, h); err != nil || !enrolled {
			return err
		}
		if h, err = c.Machines.HostForWorker(ctx, h.ID); err != nil {
			return err
		}
	}
	pool, err := c.Machines.HostsOfPool(ctx, h.PoolID)
	if err != nil {
		return err
	}
	k := &hostCheck{CheckHost: c, job: job.ID, host: h, pool: pool}
	k.Probe = c.Probe.withDefaults()
	passed := k.run(ctx)
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err() // the worker stops: another one checks
	}
	done, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return k.finish(done, passed)
}

// hostCheck is one check under way.
type hostCheck struct {
	*CheckHost
	Probe ProbeTimes

	job          int64 // by which the worker's log names the check
	host         machines.Host
	pool         []machines.Host
	facts        provisioner.HostFacts
	acceleration provisioner.Acceleration
	report       []provisioner.HostCheck
}

// skipped is why a check could not be made. It says nothing against the host, and nothing for it.
type skipped string

// Error implements error.
func (s skipped) Error() string { return string(s) }

// ourFault is an error of our own database, or of a file of this worker: it says nothing of the host, and what it says is for the
// worker's log alone.
type ourFault struct{ err error }

// Error implements error, for staff.
func (ourFault) Error() string {
	return "Volary's own records, or its sample image, could not be read or written, so that this could not be checked. It says nothing of the host: ask for the check again; if it fails again, the worker's log says why."
}

func (f ourFault) Unwrap() error { return f.err }

// warning is what a check that passed found: it stands in the way of nothing, but who buys and who sells should know its cost.
type warning string

// Error implements error.
func (w warning) Error() string { return string(w) }

// run goes through the checks in their order and ends with the first that fails: what comes after stands on it.
func (k *hostCheck) run(ctx context.Context) bool {
	guests := newProbes(k)
	defer guests.clear(ctx)
	for _, check := range []struct {
		name string
		do   func(context.Context) (string, error)
	}{
		{"connection", k.connect},
		{"versions", k.versions},
		{"network hook", k.hook},
		{"storage", k.storage},
		{"UEFI firmware", k.uefi},
		{accelerationCheck, guests.accelerate},
		{"console", guests.console},
		{machines.OverlayCheck, guests.overlay},
	} {
		began := time.Now()
		detail, err := check.do(ctx)
		c := provisioner.HostCheck{
			Name: check.name, State: provisioner.CheckPassed, Detail: detail, Seconds: time.Since(began).Round(10 * time.Millisecond).Seconds(),
		}
		var skip skipped
		var cost warning
		switch {
		case errors.As(err, &cost):
			c.State, c.Detail, err = provisioner.CheckWarning, string(cost), nil
		case errors.As(err, &skip):
			c.State, c.Detail, err = provisioner.CheckSkipped, string(skip), nil
		case err != nil:
			c.State, c.Detail = provisioner.CheckFailed, err.Error()
		}
		k.report = append(k.report, c)
		k.Log.InfoContext(ctx, "host check", "host", k.host.ID, "job", k.job, "check", c.Name, "state", c.State, "detail", c.Detail, "cause", causeOf(err))
		if perr := k.Machines.HostCheckProgress(ctx, k.host.ID, k.report); perr != nil && ctx.Err() == nil {
			k.Log.ErrorContext(ctx, "host check", "host", k.host.ID, "error", perr)
		}
		if err != nil {
			return false
		}
	}
	return true
}

// causeOf is all that is known of a check's error, for the worker's log.
func causeOf(err error) string {
	var ours ourFault
	if errors.As(err, &ours) {
		return ours.err.Error()
	}
	return provisioner.Cause(err)
}

// finish writes the outcome down. The same machine under two names would be counted twice: that fails the check.
func (k *hostCheck) finish(ctx context.Context, passed bool) error {
	err := k.Machines.HostCheckDone(ctx, k.host.ID, k.facts, k.acceleration, k.report, passed)
	if r, ok := refusal.As(err); ok && r.Code == "duplicate" {
		k.report = append(k.report, provisioner.HostCheck{Name: "machine", State: provisioner.CheckFailed, Detail: r.Title + " " + r.Next})
		return k.Machines.HostCheckDone(ctx, k.host.ID, provisioner.HostFacts{}, "", k.report, false)
	}
	return err
}

func (k *hostCheck) connect(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	err := k.Hosts.With(ctx, k.host.Address, func(d provisioner.Driver) (err error) {
		k.facts, err = d.Facts(ctx)
		return err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = provisioner.ErrHostUnreachable
	}
	return k.facts.Hostname, err
}

func (k *hostCheck) versions(context.Context) (string, error) {
	f := k.facts
	if f.UUID == uuid.Nil {
		return "", errors.New("the host does not tell its UUID: set host_uuid in libvirtd.conf")
	}
	return fmt.Sprintf("libvirt %s, QEMU %s, %s (%s), %s of memory", f.LibvirtVersion, f.QEMUVersion,
		refusal.Plural(f.VCPUs, "logical processor", "logical processors"), provisioner.ProcessorName(f.CPUModel), refusal.MiB(f.MemoryMiB)), nil
}

func (k *hostCheck) hook(context.Context) (string, error) {
	if !k.facts.HookAnswers {
		return "", errors.New("the network hook does not answer: install the volary program as /etc/libvirt/hooks/network, with its run bit, and restart libvirtd")
	}
	return "answers", nil
}

func (k *hostCheck) storage(context.Context) (string, error) {
	f := k.facts
	if f.DiskFreeGiB < provisioner.LeastDiskGiB {
		return "", fmt.Errorf("%d GiB of %d GiB are free in %s; at least %d GiB are needed", f.DiskFreeGiB, f.DiskGiB, f.StoragePath, provisioner.LeastDiskGiB)
	}
	return fmt.Sprintf("%d GiB of %d GiB free in %s", f.DiskFreeGiB, f.DiskGiB, f.StoragePath), nil
}

// uefi says what a host without UEFI firmware does not get. It is as good as others for all the rest.
func (k *hostCheck) uefi(context.Context) (string, error) {
	if k.facts.HookOlder {
		return "", warning("the network hook is older than UEFI nodes, and they are placed on other hosts. Run `volary hook install` of this version on the machine, then check again")
	}
	if !k.facts.UEFI {
		return "", warning("none: nodes of images that only UEFI starts are placed on other hosts. Install it on the machine (Debian: `apt-get install ovmf`), then check again")
	}
	return "OVMF is there: images that only UEFI starts get it, without Secure Boot", nil
}
