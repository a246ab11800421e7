package tryout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/plan"
)

var disk = []byte("an image of a simulated guest")

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func model() provisioner.Model {
	group := provisioner.Group{
		Image: provisioner.ImageRef{Name: "sample", Digest: strings.Repeat("ab", 32)}, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2},
		Gate: provisioner.Gate{Kind: provisioner.GateConsole, Text: "volary: ready", TimeoutSeconds: 60},
	}
	compute := group
	compute.Name, compute.Count, compute.Gate = "compute", provisioner.Count{Least: 1, Most: 3}, provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 60}
	return provisioner.Model{Format: provisioner.ModelFormat, Head: group, Compute: []provisioner.Group{compute}}
}

// host is a simulated host with the model's image.
func host(t *testing.T) (*memory.World, *memory.Host) {
	t.Helper()
	w := memory.NewWorld(memory.Options{BootTime: 20 * time.Millisecond, StopTime: 10 * time.Millisecond})
	h := w.Host(provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "workstation"})
	open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(disk)), nil }
	if err := h.EnsureImage(t.Context(), digestOf(disk), int64(len(disk)), open); err != nil {
		t.Fatal(err)
	}
	return w, h
}

func options(m provisioner.Model) Options {
	return Options{
		Model: m, Images: map[string]plan.Image{m.Head.Image.Digest: {Digest: digestOf(disk)}},
		Host: plan.Host{Name: "workstation", Acceleration: provisioner.AccelerationTCG},
	}
}

func begun(t *testing.T, o Options) *Trial {
	t.Helper()
	trial, err := Begin(o)
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

// failed gives the details of the checks that are not passed, by their names.
func failed(r provisioner.Report) map[string]string {
	all := map[string]string{}
	for _, c := range r.Checks {
		if c.Result != provisioner.ResultPassed {
			all[c.Name] = string(c.Result) + " " + c.Evidence
		}
	}
	return all
}

// nothingLeft wants a host as it was.
func nothingLeft(t *testing.T, h *memory.Host) {
	t.Helper()
	o, err := h.Observe(t.Context())
	if err != nil || len(o.Nodes)+len(o.Networks) > 0 {
		t.Errorf("left are %+v, %v", o, err)
	}
}

func TestATrialThatPasses(t *testing.T) {
	_, h := host(t)
	m := model()
	m.Checks = []provisioner.Check{{Name: "says its name", Node: "compute", Command: []string{"hostname"}, Output: "compute-00", TimeoutSeconds: 5}}
	o := options(m)
	o.Counts = map[string]int{"compute": 2}
	var told []string
	o.Tell = func(_ time.Duration, what string) { told = append(told, what) }
	r, err := begun(t, o).Run(t.Context(), h)
	if err != nil || !r.Passed() || len(r.Nodes) != 3 || len(r.Checks) != 17 || len(failed(r)) > 0 || r.GuestAgent != provisioner.AgentAnswers {
		t.Errorf("not passed are %q of %d, agent %q, %v", failed(r), len(r.Checks), r.GuestAgent, err)
	}
	for _, want := range []string{"head met its gate", "compute-002 took its address", "compute-001 told of every other node", "the cluster is ready", "head is off", "compute-002: says its name passed", "compute-001 lets the trial's key in as root", "head reported at its second boot"} {
		if n := strings.Count(strings.Join(told, "\n"), want); n != 1 {
			t.Errorf("%q was told %d times: %q", want, n, told)
		}
	}
	nothingLeft(t, h)
}

// TestATrialThatIsKept leaves the cluster to a person, and says that it cannot vouch for a second boot then.
// The gates of a head whose agent answers and of nodes whose port does are met, and the report says by which channel.
func TestATrialByAgentAndPort(t *testing.T) {
	_, h := host(t)
	m := model()
	m.Head.Gate = provisioner.Gate{Kind: provisioner.GateAgent, TimeoutSeconds: 60}
	m.Compute[0].Gate = provisioner.Gate{Kind: provisioner.GatePort, Port: 22, TimeoutSeconds: 60}
	r, err := begun(t, options(m)).Run(t.Context(), h)
	if err != nil || !r.Passed() {
		t.Errorf("%v; %q", err, failed(r))
	}
	for _, c := range r.Checks {
		if c.Name == provisioner.CheckGate && c.Channel != provisioner.ChannelAgent {
			t.Errorf("the gate was seen by %s", c.Channel)
		}
	}
	nothingLeft(t, h)
}

func TestATrialThatIsKept(t *testing.T) {
	_, h := host(t)
	o := options(model())
	kept := false
	o.Keep = func(t *Trial) { kept = len(t.Nodes()) == 2 && !t.seen.ReadyAt.IsZero() }
	r, err := begun(t, o).Run(t.Context(), h)
	if bad := failed(r); err != nil || !r.Passed() || !kept || len(bad) != 1 || !strings.Contains(bad[provisioner.CheckSecondBoot], "not observed") {
		t.Errorf("kept %t, not passed are %q, %v", kept, bad, err)
	}
	nothingLeft(t, h)
}

func TestTrialsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		model  func(*provisioner.Model)
		host   func(*memory.Host)
		trial  func(*Trial)
		during func(h *memory.Host, t *Trial, what string)
		check  string // the one that is red, with what it says
		says   string
	}{
		"a gate that is missed": {
			model: func(m *provisioner.Model) { m.Head.Gate.Text, m.Head.Gate.TimeoutSeconds = "slurmctld up", 1 },
			check: provisioner.CheckGate, says: `not every node became ready in time. After 1 seconds head waits for "slurmctld up" on its console.`,
		},
		"a port where nobody answers": {
			model: func(m *provisioner.Model) {
				m.Head.Gate = provisioner.Gate{Kind: provisioner.GateAgent, TimeoutSeconds: 60}
				m.Compute[0].Gate = provisioner.Gate{Kind: provisioner.GatePort, Port: 6818, TimeoutSeconds: 1}
			},
			check: provisioner.CheckGate, says: "After 1 seconds compute-001 waits for TCP port 6818 to answer (the connection was refused).",
		},
		"guests that ignore the power button": {
			host:  func(h *memory.Host) { h.SetDeaf(true) },
			trial: func(t *Trial) { t.patience = 300 * time.Millisecond },
			check: provisioner.CheckShutdown, says: "has to obey the ACPI power button",
		},
		"an image that changed": {
			host:  func(h *memory.Host) { h.Spoil(digestOf(disk), "cd") },
			check: provisioner.CheckImage, says: "has become cd",
		},
		"a network that leaks": {
			host:  func(h *memory.Host) { h.SetLeaking(7) },
			check: provisioner.CheckSealed, says: "7 packets passed",
		},
		"an own check": {
			model: func(m *provisioner.Model) {
				m.Checks = []provisioner.Check{{Name: "partition", Node: "head", Command: []string{"false"}, TimeoutSeconds: 5}}
			},
			check: provisioner.OwnCheck + "partition", says: "It ended with status 1",
		},
		"nobody signs in": {
			model: func(m *provisioner.Model) { m.SignInUser = "operator" },
			trial: func(t *Trial) { t.signing, t.secret = 0, "another" },
			check: provisioner.CheckSignIn, says: "Nobody could sign in as operator",
		},
		"a second boot that ends": {
			during: func(h *memory.Host, t *Trial, what string) {
				if what == "every node boots a second time" {
					h.Crash(t.nodes[1].ID)
				}
			},
			check: provisioner.CheckSecondBoot, says: "compute-001: It did not report at its second boot.",
		},
		"a guest that goes off": {
			during: func(h *memory.Host, t *Trial, what string) {
				if strings.HasPrefix(what, "compute-001 is made") {
					h.Crash(t.nodes[1].ID)
				}
			},
			check: provisioner.CheckGate, says: "guest powered off. It was compute-001.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, h := host(t)
			m := model()
			if c.model != nil {
				c.model(&m)
			}
			if c.host != nil {
				c.host(h)
			}
			trial := begun(t, options(m))
			if c.trial != nil {
				c.trial(trial)
			}
			if c.during != nil {
				trial.options.Tell = func(_ time.Duration, what string) { c.during(h, trial, what) }
			}
			r, err := trial.Run(t.Context(), h)
			if says := failed(r)[c.check]; err != nil || r.Passed() || !strings.Contains(says, c.says) {
				t.Errorf("%s: %q, %v; of all: %q", c.check, says, err, failed(r))
			}
			nothingLeft(t, h)
		})
	}
}

func TestAHostThatRefuses(t *testing.T) {
	_, h := host(t)
	h.Refuse("EnsureNode", 1, "Cannot allocate memory")
	var refused *provisioner.HostError
	if r, err := begun(t, options(model())).Run(t.Context(), h); !errors.As(err, &refused) || r.Passed() {
		t.Errorf("%+v, %v", r, err)
	}
	nothingLeft(t, h)
}

func TestATrialThatIsInterrupted(t *testing.T) {
	_, h := host(t)
	ctx, interrupt := context.WithCancel(t.Context())
	o := options(model())
	o.Tell = func(_ time.Duration, what string) {
		if strings.HasPrefix(what, "compute-001 is made") {
			interrupt()
		}
	}
	if r, err := begun(t, o).Run(ctx, h); !errors.Is(err, context.Canceled) || r.Passed() {
		t.Errorf("%+v, %v", r, err)
	}
	nothingLeft(t, h)
}

func TestTrialsThatCannotBegin(t *testing.T) {
	for name, counts := range map[string]map[string]int{"too many": {"compute": 4}, "too few": {"compute": 0}, "of no group": {"gpu": 1}} {
		o := options(model())
		o.Counts = counts
		if trial, err := Begin(o); !errors.Is(err, plan.ErrPlan) {
			t.Errorf("%s: %v, %v", name, trial, err)
		}
	}
	large := model()
	large.Compute[0].Count = provisioner.Count{Least: 260, Most: 1000}
	all, largest := begun(t, options(large)).Needs()
	if all.MemoryMiB != 261*256 || largest.MemoryMiB != 256 {
		t.Errorf("260 nodes and a head need %+v, the largest %+v", all, largest)
	}
}
