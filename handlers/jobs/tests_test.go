package jobs_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"volary.dev/handlers/jobs"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// queue works the bench's jobs on a pool of its own, until the test ends or the returned function is called.
func (b *bench) queue(t *testing.T, name string) (stop func()) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "probe")
	noError(t, os.WriteFile(image, disk, 0o600))
	db := storetest.OpenAs(t, b.Pool, store.RoleWorker)
	e := b.engine(name, db, b.hosts.Dial)
	workers := river.NewWorkers()
	river.AddWorker(workers, &jobs.RunAcceptance{Engine: e, Look: 20 * time.Millisecond})
	river.AddWorker(workers, &jobs.CheckHost{Engine: e, ProbeImage: image, Probe: jobs.ProbeTimes{
		KVM: 500 * time.Millisecond, TCG: 2 * time.Second, Overlay: 2 * time.Second, Poll: 10 * time.Millisecond,
	}})
	return b.runQueue(t, jobs.QueueOptions{Look: 20 * time.Millisecond}, workers)
}

func (b *bench) startTest(t *testing.T) uuid.UUID {
	t.Helper()
	id, err := b.DB.Machines.StartAcceptanceTest(t.Context(), b.Organization, b.Person, b.Version, b.PoolID)
	noError(t, err)
	return id
}

func (b *bench) untilTested(t *testing.T, id uuid.UUID) models.AcceptanceTest {
	t.Helper()
	var a models.AcceptanceTest
	until(t, "the test's end", func() bool {
		var err error
		a, err = b.DB.Models.AcceptanceTest(t.Context(), b.Organization, id)
		noError(t, err)
		return a.State != models.TestRunning
	})
	b.untilState(t, a.ClusterID, provisioner.ClusterGone)
	return a
}

func TestAcceptanceTestPasses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.worker(t, "one")
	b.queue(t, "one")
	a := b.untilTested(t, b.startTest(t))
	if a.State != models.TestPassed || len(a.Report.Checks) != 6 || len(a.Report.Nodes) != 3 {
		t.Errorf("test %s: %+v", a.State, a.Report.Checks)
	}
	for _, n := range a.Report.Nodes {
		if !strings.Contains(n.Console, "volary: ready") || n.StartedAt.IsZero() {
			t.Errorf("node %+v", n)
		}
	}
	for _, c := range a.Report.Checks {
		if c.Seconds <= 0 {
			t.Errorf("%s took %v s", c.Name, c.Seconds)
		}
	}
	b.wantNothingLeft(t)
}

func TestAcceptanceTestFailsWithTheReason(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.worker(t, "one")
	b.queue(t, "one")
	for n := 1; n <= 3; n++ {
		b.host(n).SetHanging(true)
	}
	id := b.startTest(t)
	until(t, "starting", func() bool {
		b.Exec(t, `UPDATE clusters SET gate_deadline = now() WHERE gate_deadline IS NOT NULL`)
		a, err := b.DB.Models.AcceptanceTest(t.Context(), b.Organization, id)
		noError(t, err)
		return a.State != models.TestRunning
	})
	a := b.untilTested(t, id)
	if a.State != models.TestFailed {
		t.Errorf("test %s", a.State)
	}
	for _, c := range a.Report.Checks {
		if c.State != provisioner.CheckFailed || c.Detail == "" {
			t.Errorf("%s is %s: %q", c.Name, c.State, c.Detail)
		}
	}
	b.wantNothingLeft(t)
}

// TestAcceptanceTestGoesOn stops the worker, with its loops, in the middle of a test.
func TestAcceptanceTestGoesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stopWorker, stopQueue := b.worker(t, "one"), b.queue(t, "one")
	id := b.startTest(t)
	until(t, "progress", func() bool {
		a, err := b.DB.Models.AcceptanceTest(t.Context(), b.Organization, id)
		noError(t, err)
		return len(a.Report.Nodes) > 0
	})
	stopQueue()
	stopWorker()
	b.worker(t, "two")
	b.queue(t, "two")
	if a := b.untilTested(t, id); a.State != models.TestPassed {
		t.Errorf("test %s: %+v", a.State, a.Report.Checks)
	}
	b.wantNothingLeft(t)
}

// TestJobsOfADeadWorkerAreRescued leaves a job running under a client that holds no lock.
func TestJobsOfADeadWorkerAreRescued(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.startTest(t)
	b.Exec(t, `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{volary-dead}' WHERE kind = 'run_acceptance'`)
	b.worker(t, "one")
	b.queue(t, "one")
	if a := b.untilTested(t, id); a.State != models.TestPassed {
		t.Errorf("test %s: %+v", a.State, a.Report.Checks)
	}
}

func (b *bench) untilChecked(t *testing.T, host uuid.UUID) machines.Host {
	t.Helper()
	var h machines.Host
	until(t, "the check's end", func() bool {
		var err error
		h, err = b.DB.Machines.HostForWorker(t.Context(), host)
		noError(t, err)
		return h.CheckState == "passed" || h.CheckState == "failed"
	})
	return h
}

func TestHostChecksAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, id := range b.Hosts {
		noError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, id))
	}
	b.queue(t, "one")
	b.worker(t, "one")
	for _, id := range b.Hosts {
		h := b.untilChecked(t, id)
		if h.CheckState != "passed" || len(h.CheckReport) != 6 || h.Acceleration != provisioner.AccelerationKVM {
			t.Errorf("%s: %s %+v", h.Name, h.CheckState, h.CheckReport)
		}
		if last := h.CheckReport[len(h.CheckReport)-1]; !strings.Contains(last.Detail, "a guest here reached one on host-") {
			t.Errorf("%s: %+v", h.Name, last)
		}
	}
	until(t, "cleaning", func() bool { return len(b.hosts.Leftovers()) == 0 })
}

// TestHostCheckSkipsWhatItCannotMake checks the only host of a pool: nobody could answer over the overlay.
func TestHostCheckSkipsWhatItCannotMake(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Exec(t, `UPDATE hosts SET removed_at = now(), checked = false WHERE id <> $1`, b.Hosts[0])
	noError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, b.Hosts[0]))
	b.queue(t, "one")
	h := b.untilChecked(t, b.Hosts[0])
	if last := h.CheckReport[len(h.CheckReport)-1]; h.CheckState != "passed" || last.State != provisioner.CheckSkipped || !strings.Contains(last.Detail, "no other host yet") {
		t.Errorf("%s: %+v", h.CheckState, h.CheckReport)
	}
	until(t, "cleaning", func() bool { return len(b.hosts.Leftovers()) == 0 })
}

func TestHostCheckFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(b *bench)
		check string
		words string
	}{
		"silent":        {func(b *bench) { b.host(1).SetUnreachable(true) }, "connection", "does not answer"},
		"nothing boots": {func(b *bench) { b.host(1).SetHanging(true) }, "acceleration", "no guest booted"},
		"full":          {func(b *bench) { b.host(1).Refuse("EnsureImage", 100, "No space left on device") }, "acceleration", "No space left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c.spoil(b)
			noError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, b.Hosts[0]))
			b.queue(t, "one")
			h := b.untilChecked(t, b.Hosts[0])
			last := h.CheckReport[len(h.CheckReport)-1]
			if h.Fit || last.State != provisioner.CheckFailed || last.Name != c.check || !strings.Contains(last.Detail, c.words) {
				t.Errorf("%s: %+v", h.State, h.CheckReport)
			}
			b.host(1).SetUnreachable(false)
			until(t, "cleaning", func() bool { return len(b.hosts.Leftovers()) == 0 })
		})
	}
}

func TestHostsShareADriverThatFindsBack(t *testing.T) {
	b := newBench(t)
	dials := 0
	hosts := jobs.NewHosts(func(ctx context.Context, a provisioner.HostAddress) (provisioner.Driver, error) {
		dials++
		return b.hosts.Dial(ctx, a)
	})
	a := provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"}
	facts := func() error {
		return hosts.With(t.Context(), a, func(d provisioner.Driver) error { _, err := d.Facts(t.Context()); return err })
	}
	noError(t, errors.Join(facts(), facts()))
	b.host(1).SetUnreachable(true)
	for range 2 {
		if err := facts(); !errors.Is(err, provisioner.ErrHostUnreachable) {
			t.Errorf("silent host: %v", err)
		}
	}
	b.host(1).SetUnreachable(false)
	noError(t, errors.Join(facts(), facts()))
	if dials != 1 {
		t.Errorf("dialled %d times, want once: whoever has a console on the driver would lose it", dials)
	}
	hosts.Close()
}

// TestHostsCloseADriverThatNobodyUses: its host's claim may have gone to another worker.
func TestHostsCloseADriverThatNobodyUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialled, closed int
		hosts := jobs.NewHosts(func(context.Context, provisioner.HostAddress) (provisioner.Driver, error) {
			dialled++
			return closingDriver{closed: &closed}, nil
		})
		defer hosts.Close()
		a := provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"}
		use := func() func() {
			_, release, err := hosts.Acquire(t.Context(), a)
			noError(t, err)
			return release
		}
		console := use()
		use()()
		time.Sleep(time.Hour) //nolint:forbidigo // of the bubble's own clock
		if closed != 0 {
			t.Error("closed under a user")
		}
		console()
		time.Sleep(time.Minute)                    //nolint:forbidigo // of the bubble's own clock
		use()()                                    // asked again in time
		time.Sleep(4*time.Minute + 30*time.Second) //nolint:forbidigo // of the bubble's own clock
		if closed != 0 || dialled != 1 {
			t.Errorf("after a while: dialled %d times, closed %d times", dialled, closed)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // of the bubble's own clock
		if closed != 1 {
			t.Errorf("unused for long: closed %d times", closed)
		}
		use()()
		if dialled != 2 {
			t.Errorf("dialled %d times, want once more", dialled)
		}
	})
}

type closingDriver struct {
	provisioner.Driver
	closed *int
}

// Close implements provisioner.Driver.
func (d closingDriver) Close() error { *d.closed++; return nil }
