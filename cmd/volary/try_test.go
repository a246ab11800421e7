package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"

	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/lab/sample"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/plan"
	"volary.dev/provisioner/tryout"
	"volary.dev/provisioner/waittest"
)

// asCommand has this test's own program be the command, with the arguments that it is given.
const asCommand = "VOLARY_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// sampleModel writes a model of the sample image into a folder that anybody may read, and gives its path.
func sampleModel(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the sample image")
	}
	cache, err := filepath.Abs("../../.volary/sample")
	noError(t, err)
	built, err := sample.Build(t.Context(), cache, func(s string) { t.Log(s) })
	noError(t, err)
	dir := t.TempDir()
	noError(t, os.Chmod(filepath.Dir(dir), 0o755))
	noError(t, os.Mkdir(filepath.Join(dir, "images"), 0o755))
	content, err := os.ReadFile(built)
	noError(t, err)
	path := filepath.Join(dir, "images", "sample.qcow2")
	noError(t, os.WriteFile(path, content, 0o444))
	seen, err := image.Look(t.Context(), path, image.DefaultLimits())
	noError(t, err)
	group := provisioner.Group{
		Image: provisioner.ImageRef{Name: "sample.qcow2", Digest: seen.GuestDigest}, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2},
		Gate: provisioner.Gate{Kind: provisioner.GateConsole, Text: "volary: ready", TimeoutSeconds: 600},
	}
	m := provisioner.Model{Format: provisioner.ModelFormat, Head: group}
	group.Name, group.Count, group.Gate = "compute", provisioner.Count{Least: 1, Most: 4}, provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 600}
	m.Compute = []provisioner.Group{group}
	file := filepath.Join(dir, "cluster.yaml")
	noError(t, os.WriteFile(file, manifest.WriteYAML(m), 0o644))
	return file
}

// asNobody runs the command as a user without any right, below a folder of that user's.
func asNobody(t *testing.T, args ...string) (cmd *exec.Cmd, folder string) {
	t.Helper()
	folder = t.TempDir()
	cmd = exec.CommandContext(t.Context(), "/proc/self/exe", append(args, "--dir", folder)...)
	cmd.Env = append(os.Environ(), asCommand+"=yes", "HOME=/nonexistent")
	if os.Geteuid() == 0 {
		u, err := user.Lookup("nobody")
		noError(t, err)
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		noError(t, err)
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		noError(t, err)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		noError(t, os.Chmod(filepath.Dir(folder), 0o755))
		noError(t, os.Chown(folder, int(uid), int(gid)))
	}
	return cmd, folder
}

// TestTry boots the sample as a cluster of two, without any right on this machine.
func TestTry(t *testing.T) {
	model := sampleModel(t)
	cmd, folder := asNobody(t, "try", model)
	report := filepath.Join(folder, "report.json")
	cmd.Args = append(cmd.Args, "--report", report)
	done := waittest.Measure(t, "a cluster that is tried")
	out, err := cmd.CombinedOutput()
	done()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"compute-001 reached the head by its name\n", "the cluster is ready\n", "head is off\n", "  Every node shuts down cleanly\n", "Passed.\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it did not say %q:\n%s", want, out)
		}
	}
	text, err := os.ReadFile(report)
	noError(t, err)
	var said tried
	noError(t, json.Unmarshal(text, &said))
	if !said.Passed || len(said.Report.Nodes) != 2 || len(said.Report.Checks) != 6 || said.Report.GuestAgent != provisioner.AgentAnswers || len(said.Document) != 64 || said.Host.QEMU == "" {
		t.Errorf("the report is %s", text)
	}
	noError(t, os.Remove(report))
	leftNothing(t, folder)
}

// leftNothing looks below a folder, and for processes that name it.
func leftNothing(t *testing.T, folder string) {
	t.Helper()
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	waittest.Until(t, "the end of every machine", func() bool { return len(machinesOf(t, folder)) == 0 })
}

// machinesOf are the processes whose command line names a folder.
func machinesOf(t *testing.T, folder string) (found []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	noError(t, err)
	for _, path := range all {
		line, _ := os.ReadFile(path) // it may have ended
		if bytes.Contains(line, []byte(folder)) && bytes.Contains(line, []byte("qemu-system")) {
			found = append(found, string(line))
		}
	}
	return found
}

// TestTryThatIsEnded ends the command while its machines boot.
func TestTryThatIsEnded(t *testing.T) {
	model := sampleModel(t)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			cmd, folder := asNobody(t, "try", model)
			out, err := cmd.StdoutPipe()
			noError(t, err)
			noError(t, cmd.Start())
			lines := bufio.NewScanner(out)
			for lines.Scan() && !strings.Contains(lines.Text(), "compute-001 is made") {
				continue
			}
			if n := len(machinesOf(t, folder)); n != 2 {
				t.Errorf("%d machines run before the end", n)
			}
			noError(t, cmd.Process.Signal(signal))
			_, _ = io.Copy(io.Discard, out)
			if err := cmd.Wait(); err == nil {
				t.Error("a test that was broken off ended well")
			}
			if signal == syscall.SIGKILL {
				// Nobody could clean up: the machines end all the same, and the next one takes the folder away.
				waittest.Until(t, "the end of every machine", func() bool { return len(machinesOf(t, folder)) == 0 })
				next, _ := asNobody(t, "try", model, "--count", "compute=2")
				next.Args[len(next.Args)-1] = folder
				out, err := next.StdoutPipe()
				noError(t, err)
				noError(t, next.Start())
				lines := bufio.NewScanner(out)
				for lines.Scan() && !strings.Contains(lines.Text(), "head is made") {
					continue
				}
				if left, _ := os.ReadDir(folder); len(left) != 1 {
					t.Errorf("beside the next one's folder lies %v", left)
				}
				noError(t, next.Process.Signal(syscall.SIGTERM))
				_, _ = io.Copy(io.Discard, out)
				_ = next.Wait()
			}
			leftNothing(t, folder)
		})
	}
}

// TestTryRefuses asks for what cannot be tried, and sees that nothing begins.
func TestTryRefuses(t *testing.T) {
	model := sampleModel(t)
	right, err := os.ReadFile(model)
	noError(t, err)
	noError(t, os.WriteFile(filepath.Join(filepath.Dir(model), "other"), make([]byte, 2<<20), 0o644))
	for name, c := range map[string]struct {
		change [2]string
		args   []string
		says   []string
	}{
		"another image":       {change: [2]string{"digest: ", "digest: 00"}, says: []string{"cluster.yaml:", "64 digits"}},
		"a field of no model": {change: [2]string{"volary: 1", "volary: 1\ncolour: red"}, says: []string{"cluster.yaml:2:1:", "colour"}},
		"own checks":          {change: [2]string{"volary: 1", "volary: 1\naccounts: true"}, says: []string{"cluster.yaml:2:", "accounts"}},
		"no file":             {change: [2]string{"sample.qcow2", "none.qcow2"}, says: []string{`no file for the image "none.qcow2"`, "images/none.qcow2"}},
		"a file of others":    {args: []string{"--image", "sample.qcow2=" + filepath.Join(filepath.Dir(model), "other")}, says: []string{"boot signature"}},
		"an image of no name": {args: []string{"--image", "slurm=" + model}, says: []string{"no image of that name"}},
		"a group of no model": {args: []string{"--count", "gpu=1"}, says: []string{"no group gpu"}},
		"more than its most":  {args: []string{"--count", "compute=5"}, says: []string{"1 to 4 nodes, not 5"}},
		"no folder":           {args: []string{"--dir", "/nonexistent"}, says: []string{"/nonexistent"}},
		"memory":              {change: [2]string{"memory_mib: 256", "memory_mib: 1048576"}, says: []string{"TiB of memory", "are free", "--count"}},
		"processors":          {change: [2]string{"vcpus: 1", "vcpus: 255"}, says: []string{"the largest 255", "processors together"}},
	} {
		t.Run(name, func(t *testing.T) {
			file, folder := filepath.Join(filepath.Dir(model), "cluster.yaml"), t.TempDir()
			noError(t, os.WriteFile(file, bytes.Replace(right, []byte(c.change[0]), []byte(c.change[1]), 1), 0o644))
			var all commands
			parser, err := kong.New(&all, kong.TypeMapper(reflect.TypeFor[int](), kong.MapperFunc(wholeNumber)))
			noError(t, err)
			_, err = parser.Parse(append([]string{"try", file, "--dir", folder}, c.args...))
			noError(t, err)
			var out bytes.Buffer
			err = all.Try.run(t.Context(), &out)
			for _, want := range c.says {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q; it said %s", err, want, out.String())
				}
			}
			leftNothing(t, folder)
			if strings.Contains(out.String(), "boots") {
				t.Errorf("something was begun: %s", out.String())
			}
		})
	}
}

// TestRoom has a machine that lacks everything told so, with the numbers.
func TestRoom(t *testing.T) {
	g := provisioner.Group{Image: provisioner.ImageRef{Name: "slurm", Digest: strings.Repeat("ab", 32)}, Shape: provisioner.Shape{VCPUs: 4, MemoryMiB: 4096, DiskGiB: 2}}
	m := provisioner.Model{Format: provisioner.ModelFormat, Head: g}
	trial, err := tryout.Begin(tryout.Options{Model: m, Images: map[string]plan.Image{}})
	noError(t, err)
	images := map[string]found{g.Image.Digest: {seen: image.Looked{VirtualSize: 3 << 30}}}
	err = fits(machineRoom{8192, 2048, 2, 1 << 30, "/var/tmp"}, trial, m, images)
	for _, want := range []string{"the cluster (1 node) needs 4.1 GiB of memory, and 2 GiB of 8 GiB are free", "the largest 4, and this machine has 2", "/var/tmp has 1 GiB left", `"slurm" is a disk of 3 GiB, and nodes of head have one of 2 GiB`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	images[g.Image.Digest] = found{seen: image.Looked{VirtualSize: 2 << 30}}
	noError(t, fits(machineRoom{8192, 5000, 4, 9 << 30, "/var/tmp"}, trial, m, images))
}
