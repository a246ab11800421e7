package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"
	"golang.org/x/crypto/ssh"

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
func sampleModel(t *testing.T) string { return modelOf(t, sample.Build) }

func modelOf(t *testing.T, build func(context.Context, string, func(string)) (string, error)) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the sample image")
	}
	cache, err := filepath.Abs("../../.volary/sample")
	noError(t, err)
	built, err := build(t.Context(), cache, func(s string) { t.Log(s) })
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
		Gate: provisioner.Gate{Kind: provisioner.GateAgent, TimeoutSeconds: 600},
	}
	m := provisioner.Model{Format: provisioner.ModelFormat, Head: group}
	group.Name, group.Count, group.Gate = "compute", provisioner.Count{Least: 1, Most: 4}, provisioner.Gate{Kind: provisioner.GatePort, Port: 22, TimeoutSeconds: 600}
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

// TestTry boots the sample as a cluster of two, without any right on this machine, and visits it as a person does.
func TestTry(t *testing.T) {
	model := sampleModel(t)
	cmd, folder := asNobody(t, "try", model, "--keep")
	report := filepath.Join(folder, "report.json")
	cmd.Args = append(cmd.Args, "--report", report)
	out, err := cmd.StdoutPipe()
	noError(t, err)
	noError(t, cmd.Start())
	done := waittest.Measure(t, "a cluster that is tried")
	var said []string
	lines := bufio.NewScanner(out)
	next := func(with string) string {
		t.Helper()
		for lines.Scan() {
			if said = append(said, lines.Text()); strings.Contains(lines.Text(), with) {
				return strings.TrimSpace(lines.Text())
			}
		}
		t.Fatalf("it did not say %q:\n%s", with, strings.Join(said, "\n"))
		return ""
	}
	head := visit{console: next("volary console "), ssh: strings.Fields(next("ssh -i "))}
	compute := visit{console: next("volary console "), ssh: strings.Fields(next("ssh -i "))}
	head.typeAt(t)
	if got := compute.run(t, "hostname; ping -c 1 -W 20 head | grep -c 'bytes from'"); got != "compute-001\n1\n" {
		t.Errorf("by SSH it said %q", got)
	}
	// What packets show in package usernet, by a guest's own programs.
	outside := "{ ping -c 1 -W 1 8.8.8.8 | grep 'bytes from'; nslookup example.com | grep -i '^name'; nc -w 1 127.0.0.1 " + head.ssh[4] + "; nc -w 1 10.128.0.1 22; } </dev/null 2>/dev/null; echo over"
	if got := compute.run(t, outside); got != "over\n" {
		t.Errorf("outside answers: %q", got)
	}
	noError(t, cmd.Process.Signal(syscall.SIGINT))
	for lines.Scan() {
		said = append(said, lines.Text())
	}
	err = cmd.Wait()
	done()
	all := strings.Join(said, "\n")
	if err != nil {
		t.Fatalf("%v\n%s", err, all)
	}
	for _, want := range []string{"compute-001 told of every other node\n", "the cluster is ready\n", "head is off\n", "  Every node shuts down within 60 s\n", "run it without --keep", "\nPassed."} {
		if !strings.Contains(all, want) {
			t.Errorf("it did not say %q:\n%s", want, all)
		}
	}
	text, err := os.ReadFile(report)
	noError(t, err)
	var v tried
	noError(t, json.Unmarshal(text, &v))
	if !v.Passed || len(v.Report.Nodes) != 2 || len(v.Report.Checks) != 16 || v.Report.Count(provisioner.ResultPassed) != 15 || v.Report.GuestAgent == "" || len(v.Document) != 64 || v.Host.QEMU == "" {
		t.Errorf("the report is %s", text)
	}
	noError(t, os.Remove(report))
	leftNothing(t, folder)
}

// visit is what try --keep printed of a node.
type visit struct {
	console string   // volary console SOCKET
	ssh     []string // ssh -i KEY -p PORT … USER@127.0.0.1
}

// typeAt signs in at the console.
func (v visit) typeAt(t *testing.T) {
	t.Helper()
	typed, keys := io.Pipe()
	screen := &shown{}
	ended := make(chan error, 1)
	go func() {
		ended <- consoleCommand{Socket: strings.Fields(v.console)[2]}.run(t.Context(), typed, screen)
	}()
	screen.wants(t, "leaves the console")
	for _, step := range [][2]string{{"\r", "login: "}, {"root\r", "# "}, {"hostname\r", "hostname\r\nhead\r\n"}, {"exit\r", "login: "}} {
		_, err := io.WriteString(keys, step[0])
		noError(t, err)
		screen.wants(t, step[1])
	}
	_, err := keys.Write([]byte{leave})
	noError(t, err)
	_, _ = waittest.Receive(t, "the end of the console", ended)
}

// shown is a screen.
type shown struct {
	mu   sync.Mutex
	text []byte
}

func (s *shown) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	return len(p), nil
}

// wants waits until text appears after what was wanted before.
func (s *shown) wants(t *testing.T, text string) {
	t.Helper()
	waittest.Until(t, "console text "+text, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, rest, found := bytes.Cut(s.text, []byte(text))
		if found {
			s.text = rest
		}
		return found
	})
}

// run runs a command by SSH, as the printed line does.
func (v visit) run(t *testing.T, command string) string {
	t.Helper()
	key, err := os.ReadFile(v.ssh[2])
	noError(t, err)
	signer, err := ssh.ParsePrivateKey(key)
	noError(t, err)
	user, host, _ := strings.Cut(v.ssh[len(v.ssh)-1], "@")
	client, err := ssh.Dial("tcp", host+":"+v.ssh[4], &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	noError(t, err)
	defer client.Close()
	session, err := client.NewSession()
	noError(t, err)
	out, _ := session.CombinedOutput(command) // what it prints is looked at
	return string(out)
}

// TestTryByUEFI boots the sample that only UEFI starts, where the run is full.
func TestTryByUEFI(t *testing.T) {
	if os.Getenv("VOLARY_TEST_FULL") == "" {
		t.Skip("boots by UEFI, which a full run does")
	}
	cmd, folder := asNobody(t, "try", modelOf(t, sample.BuildUEFI))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Passed.") || strings.Contains(string(out), "not observed") {
		t.Errorf("%v\n%s", err, out)
	}
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
		"data disks":          {change: [2]string{"head:\n", "head:\n  data_disks:\n    - {name: scratch, size_gib: 1}\n"}, says: []string{"cluster.yaml:", "data_disks"}},
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
