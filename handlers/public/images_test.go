package public

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/acceptance"
	web "volary.dev/web/public"
)

// TestRequirementsAreThoseOfTheTest: whatever the acceptance test checks the page tells, and nothing else.
func TestRequirementsAreThoseOfTheTest(t *testing.T) {
	var checked []string
	for _, c := range acceptance.Judge(acceptance.Evidence{}).Checks {
		checked = append(checked, c.Name)
	}
	told := map[string]bool{}
	for _, r := range web.Requirements() {
		for _, name := range r.Checks {
			told[name] = true
			if !slices.Contains(checked, name) {
				t.Errorf("%q names the check %q, which there is not", r.Title, name)
			}
		}
	}
	told[provisioner.CheckSealed], told[provisioner.CheckImage] = true, true // are the hosts' to keep, whatever an image does
	for _, name := range checked {
		if !told[name] {
			t.Errorf("the check %q is told by no requirement", name)
		}
	}
}

// TestSlurmScriptLeavesTheFileShown runs the script on an example's files and compares what it writes.
func TestSlurmScriptLeavesTheFileShown(t *testing.T) {
	p, err := imageGuide()
	if err != nil {
		t.Fatal(err)
	}
	root := runExample(t, web.SlurmUserData, p)
	got := read(t, root, "slurm/slurm.conf")
	if want := web.SlurmConf(p.Nodes[0].Address, exampleCompute); got != want {
		t.Errorf("the script writes\n%s\nthe page shows\n%s", got, want)
	}
	if !strings.Contains(got, "NodeName=compute-[001-003]\n") {
		t.Errorf("no range of the example's nodes in\n%s", got)
	}
	if key := read(t, root, "munge/munge.key"); len(key) < 32 {
		t.Errorf("a key of %d bytes, munge wants 32", len(key))
	}
	if ran := read(t, root, "ran"); !strings.Contains(ran, "systemctl enable --now slurmd") {
		t.Errorf("a compute node ran\n%s", ran)
	}
}

func TestCondorScriptNamesTheHead(t *testing.T) {
	p, err := imageGuide()
	if err != nil {
		t.Fatal(err)
	}
	root := runExample(t, web.CondorUserData, p)
	got := read(t, root, "condor/config.d/50-volary.conf")
	for _, line := range []string{
		"CONDOR_HOST = " + p.Nodes[0].Name + "." + p.Nodes[0].Domain, "UID_DOMAIN = trial-1.volary",
		// A role says anew what the collector allows.
		"use role : get_htcondor_execute\nALLOW_DAEMON = condor@trial-1.volary",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("%q is not in\n%s", line, got)
		}
	}
	if ran := read(t, root, "ran"); !strings.Contains(ran, "condor_store_cred add -c -p 0123456789abcdef") {
		t.Errorf("ran\n%s", ran)
	}
}

// runExample runs a script whose /etc is a folder of the test's; programs that an image would have note their names.
func runExample(t *testing.T, script string, p web.ImageGuideProps) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, dir := range []string{"volary", "munge", "condor/config.d", "condor/tokens.d", "bin"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, root, "volary/env", p.Env, 0o644)
	write(t, root, "volary/secret", exampleSeed().Secret+"\n", 0o600)
	for _, name := range []string{"systemctl", "condor_store_cred", "condor_token_create"} {
		write(t, root, "bin/"+name, "#!/bin/sh\necho "+name+" \"$@\" >>"+root+"/ran\n", 0o755)
	}
	write(t, root, "bin/install", "#!/bin/sh\nshift 6\ncp \"$@\"\n", 0o755) // nobody is called munge here
	c := exec.Command("sh", "-eu")
	c.Stdin = strings.NewReader(strings.ReplaceAll(script, "/etc/", root+"/"))
	c.Env = append(os.Environ(), "PATH="+filepath.Join(root, "bin")+":"+os.Getenv("PATH"))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return root
}

func write(t *testing.T, root, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, root, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
