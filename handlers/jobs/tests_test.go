package jobs_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/handlers/loops"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/machines"
	"volary.dev/store/models"
)

func TestAcceptanceTestPasses(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	b.Queue(t, "one")
	a := b.UntilTested(t, b.StartTest(t))
	if a.State != models.TestPassed || a.Report.Count(provisioner.ResultPassed) != 16 || len(a.Report.Checks) != 16 || len(a.Report.Nodes) != 3 {
		t.Errorf("test %s: %+v", a.State, a.Report.Checks)
	}
	wantAgent(t, b, a, provisioner.AgentAnswers, "status 0")
	for _, n := range a.Report.Nodes {
		if !strings.Contains(n.Console, "volary: ready") || n.StartedAt.IsZero() {
			t.Errorf("node %+v", n)
		}
	}
	for _, c := range a.Report.Checks {
		if c.Channel == "" || c.Seconds <= 0 && c.Name != provisioner.CheckSealed && c.Name != provisioner.CheckImage && c.Name != provisioner.CheckSignIn {
			t.Errorf("%s by %q took %v s", c.Name, c.Channel, c.Seconds)
		}
	}
	if told := reportRow(a.Report, provisioner.CheckSealed); !strings.Contains(told.Evidence, "3 packets were dropped") {
		t.Errorf("sealed: %+v", told)
	}
	b.WantNothingLeft(t)
}

// wantAgent looks at what a test says of its head's agent, and what the log says of the one command that it was given.
func wantAgent(t *testing.T, b *loopstest.Bench, a models.AcceptanceTest, agent, end string) {
	t.Helper()
	rows, err := b.Pool.Query(t.Context(), `SELECT concat(detail->>'node', ': ', detail->>'command', ': ', detail->>'end') FROM audit WHERE verb = 'run guest command'`)
	loopstest.NoError(t, err)
	noted, err := pgx.CollectRows(rows, pgx.RowTo[string])
	loopstest.NoError(t, err)
	if a.Report.GuestAgent != agent || !slices.Equal(noted, []string{"head: hostname: " + end}) {
		t.Errorf("the guest agent: %q, noted %q", a.Report.GuestAgent, noted)
	}
}

// TestAcceptanceTestNeedsNoAgent runs with guests that have none, and with such as only seem to.
func TestAcceptanceTestNeedsNoAgent(t *testing.T) {
	t.Parallel()
	for agent, end := range map[memory.Agent]error{memory.AgentMissing: provisioner.ErrNoAgent, memory.AgentLeaves: provisioner.ErrGuestNonsense} {
		b := loopstest.NewBench(t)
		b.Worker(t, "one")
		b.Queue(t, "one")
		for n := 1; n <= 3; n++ {
			b.Host(n).SetAgents(agent)
		}
		a := b.UntilTested(t, b.StartTest(t))
		if a.State != models.TestPassed {
			t.Errorf("test %s: %+v", a.State, a.Report.Checks)
		}
		wantAgent(t, b, a, provisioner.AgentNone, end.Error())
	}
}

func TestAcceptanceTestFailsWithTheReason(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	b.Queue(t, "one")
	for n := 1; n <= 3; n++ {
		b.Host(n).SetHanging(true)
	}
	id := b.StartTest(t)
	waittest.Until(t, "starting", func() bool {
		b.Exec(t, `UPDATE batches b SET gate_deadline = now() WHERE gate_deadline IS NOT NULL AND NOT EXISTS (
			SELECT FROM nodes n WHERE n.batch_id = b.id AND n.state = 'reserved')`) // all that it judges has been started
		a, err := b.DB.Models.AcceptanceTest(t.Context(), b.Organization, id)
		loopstest.NoError(t, err)
		return a.State != models.TestRunning
	})
	a := b.UntilTested(t, id)
	if a.State != models.TestFailed {
		t.Errorf("test %s", a.State)
	}
	for _, c := range a.Report.Checks {
		if c.Evidence == "" || (c.Result == provisioner.ResultFailed) != (c.Name == provisioner.CheckBoots) || c.Result == provisioner.ResultPassed {
			t.Errorf("%s is %s: %q", c.Name, c.Result, c.Evidence)
		}
	}
	b.WantNothingLeft(t)
}

// reportRow is a row of a report by its name.
func reportRow(r provisioner.Report, name string) provisioner.ReportCheck {
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	return provisioner.ReportCheck{}
}

// TestAcceptanceTestSeesWhatHostsDo has one host let packets pass, and another change its image, while a third's agents cannot be asked.
func TestAcceptanceTestSeesWhatHostsDo(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Host(1).SetLeaking(7)
	for n := 1; n <= 3; n++ {
		b.Host(n).Refuse("Exec", 1000, "out of threads")
	}
	b.Worker(t, "one")
	b.Queue(t, "one")
	a := b.UntilTested(t, b.StartTest(t))
	for _, c := range a.Report.Checks {
		if (c.Result == provisioner.ResultFailed) != (c.Name == provisioner.CheckSealed) {
			t.Errorf("%s is %s: %s", c.Name, c.Result, c.Evidence)
		}
	}
	wantAgent(t, b, a, "", "the host refused")
	b.WantNothingLeft(t)
}

// TestAcceptanceTestIsCancelled leaves nothing on any host.
func TestAcceptanceTestIsCancelled(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	b.Queue(t, "one")
	id := b.StartTest(t)
	waittest.Until(t, "progress", func() bool {
		a, err := b.DB.Models.AcceptanceTest(t.Context(), b.Organization, id)
		loopstest.NoError(t, err)
		return len(a.Report.Nodes) > 0
	})
	loopstest.NoError(t, b.DB.Models.CancelAcceptanceTest(t.Context(), b.Organization, b.Person, id))
	a := b.UntilTested(t, id)
	if a.State != models.TestCancelled || a.EndedWhy != "It was cancelled by a member." || len(a.Report.Nodes) == 0 || a.Report.Count(provisioner.ResultFailed) != 0 {
		t.Errorf("test %s, %q: %+v", a.State, a.EndedWhy, a.Report)
	}
	b.WantNothingLeft(t)
}

// TestOwnChecksRunOnTheirNodes has the version bring checks: one that is right on the head, one that is wrong on each compute node.
func TestOwnChecksRunOnTheirNodes(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Exec(t, `ALTER TABLE model_versions DISABLE TRIGGER USER`) // what is published never changes
	const checks = `{"checks":[` +
		`{"command":["echo","hello"],"name":"says hello","node":"head","output":"hello","status":0,"timeout_seconds":5},` +
		`{"command":["true"],"name":"says no","node":"compute","status":1,"timeout_seconds":5}],`
	b.Exec(t, `UPDATE model_versions v SET document = n.text, document_digest = encode(sha256(convert_to(n.text, 'UTF8')), 'hex')
		FROM (SELECT id, $2::text || substr(document, 2) AS text FROM model_versions) n WHERE n.id = v.id AND v.id = $1`, b.Version, checks)
	b.Worker(t, "one")
	b.Queue(t, "one")
	a := b.UntilTested(t, b.StartTest(t))
	right, wrong := reportRow(a.Report, "own: says hello"), reportRow(a.Report, "own: says no")
	if right.Result != provisioner.ResultPassed || right.Channel != provisioner.ChannelAgent || len(right.Nodes) != 1 {
		t.Errorf("%+v", right)
	}
	if wrong.Result != provisioner.ResultFailed || len(wrong.Nodes) != 2 || !strings.Contains(wrong.Evidence, "status 0, and 1 was expected") || a.State != models.TestFailed {
		t.Errorf("%s %+v", a.State, wrong)
	}
}

// TestAcceptanceTestGoesOn stops the worker, with its loops, in the middle of a test.
func TestAcceptanceTestGoesOn(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	stopWorker, stopQueue := b.Worker(t, "one"), b.Queue(t, "one")
	id := b.StartTest(t)
	waittest.Until(t, "progress", func() bool {
		a, err := b.DB.Models.AcceptanceTest(t.Context(), b.Organization, id)
		loopstest.NoError(t, err)
		return len(a.Report.Nodes) > 0
	})
	stopQueue()
	stopWorker()
	b.Worker(t, "two")
	b.Queue(t, "two")
	if a := b.UntilTested(t, id); a.State != models.TestPassed {
		t.Errorf("test %s: %+v", a.State, a.Report.Checks)
	}
	b.WantNothingLeft(t)
}

// TestJobsOfADeadWorkerAreRescued leaves a job running under a client that holds no lock.
func TestJobsOfADeadWorkerAreRescued(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	id := b.StartTest(t)
	b.Exec(t, `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{volary-dead}' WHERE kind = 'run_acceptance'`)
	b.Worker(t, "one")
	b.Queue(t, "one")
	if a := b.UntilTested(t, id); a.State != models.TestPassed {
		t.Errorf("test %s: %+v", a.State, a.Report.Checks)
	}
}

func TestHostChecksAtOnce(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	for _, id := range b.Hosts {
		loopstest.NoError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, id))
	}
	b.Queue(t, "one")
	b.Worker(t, "one")
	for _, id := range b.Hosts {
		h := b.UntilChecked(t, id)
		if h.CheckState != "passed" || len(h.CheckReport) != 8 || h.Acceleration != provisioner.AccelerationKVM {
			t.Errorf("%s: %s %+v", h.Name, h.CheckState, h.CheckReport)
		}
		if last := h.CheckReport[len(h.CheckReport)-1]; !strings.Contains(last.Detail, "guests on other hosts reached one here by name: host-") {
			t.Errorf("%s: %+v", h.Name, last)
		}
	}
	waittest.Until(t, "cleaning", func() bool { return len(b.Simulated.Leftovers()) == 0 })
}

// TestHostCheckSkipsWhatItCannotMake checks the only host of a pool: nobody could answer over the overlay.
func TestHostCheckSkipsWhatItCannotMake(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Exec(t, `UPDATE hosts SET removed_at = now(), checked = false WHERE id <> $1`, b.Hosts[0])
	loopstest.NoError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, b.Hosts[0]))
	b.Queue(t, "one")
	h := b.UntilChecked(t, b.Hosts[0])
	if last := h.CheckReport[len(h.CheckReport)-1]; h.CheckState != "passed" || last.State != provisioner.CheckSkipped || !strings.Contains(last.Detail, "no other host yet") {
		t.Errorf("%s: %+v", h.CheckState, h.CheckReport)
	}
	waittest.Until(t, "cleaning", func() bool { return len(b.Simulated.Leftovers()) == 0 })
}

// TestHostCheckSaysWhatIsKeptOfAConsole: within the cap it passes with both numbers, and where nobody can tell the cap it is skipped.
func TestHostCheckSaysWhatIsKeptOfAConsole(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Host(2).SetConsoleLog(provisioner.UnknownConsoleCap, 1<<20)
	for n, want := range []provisioner.HostCheck{
		{State: provisioner.CheckPassed, Detail: "a guest wrote 768 KiB to its console, and 256 KiB of it are kept"},
		{State: provisioner.CheckSkipped, Detail: "the network hook cannot say"},
	} {
		loopstest.NoError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, b.Hosts[n]))
		stop := b.Queue(t, "one")
		h := b.UntilChecked(t, b.Hosts[n])
		stop()
		at := slices.IndexFunc(h.CheckReport, func(c provisioner.HostCheck) bool { return c.Name == "console" })
		if !h.Fit || at < 0 || h.CheckReport[at].State != want.State || !strings.Contains(h.CheckReport[at].Detail, want.Detail) {
			t.Errorf("host %d: %+v", n+1, h.CheckReport)
		}
	}
	waittest.Until(t, "cleaning", func() bool { return len(b.Simulated.Leftovers()) == 0 })
}

// TestHostCheckSaysWhatHasNoUEFI: a host without UEFI firmware, or with a hook that knows none, carries nodes, and is told what it does not get.
func TestHostCheckSaysWhatHasNoUEFI(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Host(2).SetUEFI(false)
	b.Host(3).SetHookOlder(true)
	for n, want := range []provisioner.HostCheck{
		{State: provisioner.CheckPassed, Detail: "OVMF is there"},
		{State: provisioner.CheckWarning, Detail: "apt-get install ovmf"},
		{State: provisioner.CheckWarning, Detail: "volary hook install"},
	} {
		loopstest.NoError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, b.Hosts[n]))
		stop := b.Queue(t, "one")
		h := b.UntilChecked(t, b.Hosts[n])
		stop()
		at := slices.IndexFunc(h.CheckReport, func(c provisioner.HostCheck) bool { return c.Name == "UEFI firmware" })
		if !h.Fit || at < 0 || h.CheckReport[at].State != want.State || !strings.Contains(h.CheckReport[at].Detail, want.Detail) || h.UEFI == nil || *h.UEFI != (n == 0) {
			t.Errorf("host %d: %v %+v", n+1, h.UEFI, h.CheckReport)
		}
	}
	waittest.Until(t, "cleaning", func() bool { return len(b.Simulated.Leftovers()) == 0 })
}

// TestHostCheckSaysWhatEmulationCosts: a host without KVM may carry nodes, and its check does not call that passed.
func TestHostCheckSaysWhatEmulationCosts(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Host(1).Refuse("EnsureNode", 1, "unsupported configuration: could not find capabilities for domaintype=kvm")
	loopstest.NoError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, b.Hosts[0]))
	b.Queue(t, "one")
	h := b.UntilChecked(t, b.Hosts[0])
	at := slices.IndexFunc(h.CheckReport, func(c provisioner.HostCheck) bool { return c.Name == "acceleration" })
	if !h.Fit || h.Acceleration != provisioner.AccelerationTCG || at < 0 || h.CheckReport[at].State != provisioner.CheckWarning {
		t.Fatalf("%s %s: %+v", h.CheckState, h.Acceleration, h.CheckReport)
	}
	for _, want := range []string{"domaintype=kvm", "many times slower", "To repair:"} {
		if !strings.Contains(h.CheckReport[at].Detail, want) {
			t.Errorf("%q lacks %q", h.CheckReport[at].Detail, want)
		}
	}
	if h.CPUModel != "simulated" || h.Processors == 0 {
		t.Errorf("processors %q, %d", h.CPUModel, h.Processors)
	}
	if last := h.CheckReport[len(h.CheckReport)-1]; last.State != provisioner.CheckPassed {
		t.Errorf("after a warning: %+v", last)
	}
	waittest.Until(t, "cleaning", func() bool { return len(b.Simulated.Leftovers()) == 0 })
}

func TestHostCheckFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(b *loopstest.Bench)
		check string
		words string
	}{
		"silent": {func(b *loopstest.Bench) { b.Host(1).SetUnreachable(true) }, "connection", "does not answer"},
		"nothing boots": {func(b *loopstest.Bench) {
			b.Probe.KVM, b.Probe.TCG = 100*time.Millisecond, 500*time.Millisecond
			b.Host(1).SetHanging(true)
		}, "acceleration", "no guest booted"},
		"full": {func(b *loopstest.Bench) { b.Host(1).Refuse("EnsureImage", 100, "No space left on device") }, "acceleration", "No space left"},
		"keeps all of a console": {
			func(b *loopstest.Bench) { b.Host(1).SetConsoleLog(64<<10, 1<<30) }, "console", "of it lie on the host, where virtlogd is configured to keep 64 KiB: set max_size and max_backups in /etc/libvirt/virtlogd.conf",
		},
		"a console without a cap": {func(b *loopstest.Bench) { b.Host(1).SetConsoleLog(0, 1<<20) }, "console", "max_size is 0"},
		"a console with a large cap": {
			func(b *loopstest.Bench) { b.Host(1).SetConsoleLog(1<<30, 1<<20) }, "console", "configured to keep 1024 MiB of each console; at most 64 MiB",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := loopstest.NewBench(t)
			c.spoil(b)
			loopstest.NoError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, b.Hosts[0]))
			b.Queue(t, "one")
			h := b.UntilChecked(t, b.Hosts[0])
			last := h.CheckReport[len(h.CheckReport)-1]
			if h.Fit || last.State != provisioner.CheckFailed || last.Name != c.check || !strings.Contains(last.Detail, c.words) {
				t.Errorf("%s: %+v", h.State, h.CheckReport)
			}
			b.Host(1).SetUnreachable(false)
			waittest.Until(t, "cleaning", func() bool { return len(b.Simulated.Leftovers()) == 0 })
		})
	}
}

// What our own database says is for the log: staff read that it says nothing of the host.
func TestHostCheckKeepsOurFaultsToTheLog(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Exec(t, `ALTER TABLE host_pairs RENAME TO secret_pairs`)
	loopstest.NoError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, b.Hosts[0]))
	b.Queue(t, "one")
	h := b.UntilChecked(t, b.Hosts[0])
	last := h.CheckReport[len(h.CheckReport)-1]
	if h.CheckState != "failed" || last.Name != machines.OverlayCheck || strings.Contains(last.Detail, "host_pairs") || strings.Contains(last.Detail, "SQLSTATE") || !strings.Contains(last.Detail, "says nothing of the host") {
		t.Errorf("%s: %+v", h.CheckState, last)
	}
	waittest.Until(t, "cleaning", func() bool { return len(b.Simulated.Leftovers()) == 0 })
}

// The worker's own file is no word to staff either.
func TestHostCheckKeepsItsFilesToTheLog(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.ProbeImage = "/nowhere/secret.qcow2"
	loopstest.NoError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, b.Hosts[0]))
	b.Queue(t, "one")
	h := b.UntilChecked(t, b.Hosts[0])
	if last := h.CheckReport[len(h.CheckReport)-1]; h.CheckState != "failed" || strings.Contains(last.Detail, "secret") || !strings.Contains(last.Detail, "says nothing of the host") {
		t.Errorf("%s: %+v", h.CheckState, last)
	}
}

func TestHostsShareADriverThatFindsBack(t *testing.T) {
	b := loopstest.NewBench(t)
	dials := 0
	hosts := loops.NewHosts(func(ctx context.Context, a provisioner.HostAddress) (provisioner.Driver, error) {
		dials++
		return b.Simulated.Dial(ctx, a)
	})
	a := provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"}
	facts := func() error {
		return hosts.With(t.Context(), a, func(d provisioner.Driver) error { _, err := d.Facts(t.Context()); return err })
	}
	loopstest.NoError(t, errors.Join(facts(), facts()))
	b.Host(1).SetUnreachable(true)
	for range 2 {
		if err := facts(); !errors.Is(err, provisioner.ErrHostUnreachable) {
			t.Errorf("silent host: %v", err)
		}
	}
	b.Host(1).SetUnreachable(false)
	loopstest.NoError(t, errors.Join(facts(), facts()))
	if dials != 1 {
		t.Errorf("dialled %d times, want once: whoever has a console on the driver would lose it", dials)
	}
	hosts.Close()
}

// TestHostsCloseADriverThatNobodyUses: its host's claim may have gone to another worker.
func TestHostsCloseADriverThatNobodyUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialled, closed int
		hosts := loops.NewHosts(func(context.Context, provisioner.HostAddress) (provisioner.Driver, error) {
			dialled++
			return closingDriver{closed: &closed}, nil
		})
		defer hosts.Close()
		a := provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"}
		use := func() func() {
			_, release, err := hosts.Acquire(t.Context(), a)
			loopstest.NoError(t, err)
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
