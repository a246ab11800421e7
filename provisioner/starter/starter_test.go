package starter

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner/manifest"
)

func TestDocumentsAreModels(t *testing.T) {
	for _, s := range All() {
		m := s.Model(strings.Repeat("0a", 32))
		read, err := manifest.ReadYAML(manifest.WriteYAML(m))
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if manifest.Digest(manifest.Canonical(read)) != manifest.Digest(manifest.Canonical(m)) {
			t.Errorf("%s: its file is another model", s.Name)
		}
		data := s.UserData()
		if !strings.HasPrefix(data, "#!/bin/sh\n") || strings.Contains(data, "HOME_OF_ALL") || !strings.Contains(data, "/etc/exports") || !strings.Contains(data, s.ready) {
			t.Errorf("%s: its user-data is\n%s", s.Name, data)
		}
	}
	if _, err := Find("torque"); err == nil || !strings.Contains(err.Error(), "slurm, htcondor") {
		t.Errorf("an unknown name: %v", err)
	}
}

// TestProgramsAreWhatDocumentsCall has every program that a document names in the image, and each be a shell's.
func TestProgramsAreWhatDocumentsCall(t *testing.T) {
	for _, s := range All() {
		programs, err := s.programs()
		if err != nil {
			t.Fatal(err)
		}
		m := s.Model(strings.Repeat("0a", 32))
		called := [][]string{m.Commands.Drain, m.Commands.Queue}
		for _, c := range m.Checks {
			called = append(called, c.Command)
		}
		for _, words := range called {
			if _, have := programs[strings.TrimPrefix(words[0], "/usr/lib/volary/")]; !have {
				t.Errorf("%s calls %s, which its image does not have", s.Name, words[0])
			}
		}
		programs["seed"], programs["setup"] = s.UserData(), s.text(s.Name+"/setup.sh")
		for name, text := range programs {
			sh := exec.CommandContext(t.Context(), "sh", "-n")
			sh.Stdin = strings.NewReader(text)
			if out, err := sh.CombinedOutput(); err != nil || !strings.HasPrefix(text, "#!/bin/sh\n") {
				t.Errorf("%s of %s: %v %s", name, s.Name, err, out)
			}
		}
	}
}

// TestQueueSaysTwoNumbers runs the programs that are asked how many jobs wait and run, with a scheduler's answer.
func TestQueueSaysTwoNumbers(t *testing.T) {
	for _, c := range []struct{ starter, tool, says, want string }{
		{"slurm", "squeue", "", "0 0\n"},
		{"slurm", "squeue", "PENDING\nPENDING\nRUNNING\nCOMPLETING\nCONFIGURING\nSUSPENDED\n", "2 3\n"},
		{"htcondor", "condor_q", "", "0 0\n"},
		{"htcondor", "condor_q", "1\n1\n1\n2\n5\n6\n", "3 2\n"},
	} {
		if got := run(t, c.starter, "queue", map[string]string{c.tool: c.says}); got != c.want {
			t.Errorf("%s with %q says %q, not %q", c.starter, c.says, got, c.want)
		}
	}
}

func TestPingPongSaysLatencyAndBandwidth(t *testing.T) {
	const table = "0: head\n  0:       1 bytes   3321 times -->      0.43 Mbps in      17.85 usec\n  1: 4096 bytes 10 times --> 912.25 Mbps in 34.2 usec\n  2: 8192 bytes 10 times --> 640.0 Mbps in 97.7 usec\n"
	if got, want := run(t, "slurm", "pingpong", map[string]string{"NPopenmpi": table}, "env"), "latency 17.9 us, bandwidth 912 Mbit/s between two nodes\n"; got != want {
		t.Errorf("it says %q, not %q", got, want)
	}
	if got := run(t, "slurm", "pingpong", map[string]string{"NPopenmpi": "no route\n"}, "env"); got != "NPopenmpi measured nothing\n" {
		t.Errorf("without a measurement it says %q", got)
	}
}

// run gives what a program of a starter says where other programs say something.
func run(t *testing.T, name, program string, others map[string]string, args ...string) string {
	t.Helper()
	s, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	programs, err := s.programs()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for other, says := range others {
		if err := os.WriteFile(filepath.Join(bin, other+".says"), []byte(says), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(bin, other), []byte("#!/bin/sh\ncat '"+filepath.Join(bin, other)+".says'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sh := exec.CommandContext(t.Context(), "sh", append([]string{"-s", "--"}, args...)...)
	sh.Stdin = strings.NewReader(programs[program])
	sh.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	out, _ := sh.Output()
	return string(out)
}
