package image

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"volary.dev/provisioner/waittest"
)

const secretText = "the provider's password is swordfish "

// plant writes a disk of a mebibyte that is full of a secret.
func plant(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, bytes.Repeat([]byte(secretText), 1<<20/len(secretText)+1)[:1<<20], 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every way that is known by which a disk makes qemu-img open another file is tried without any check of ours before. That each of them works
// where nothing confines qemu-img is seen first.
func TestPlantedSecretIsNeverOpened(t *testing.T) {
	dir := t.TempDir()
	secret, external := filepath.Join(dir, "secret.raw"), filepath.Join(dir, "external")
	plant(t, secret)
	at := func(name string) string { return filepath.Join(dir, name) }
	qemuImg(t, "create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", at("absolute.qcow2"))
	qemuImg(t, "create", "-q", "-f", "qcow2", "-b", "secret.raw", "-F", "raw", at("relative.qcow2"))
	qemuImg(t, "create", "-q", "-f", "qcow2", "-b", `json:{"driver":"raw","file":{"driver":"file","filename":"`+secret+`"}}`, "-F", "raw", at("json.qcow2"))
	qemuImg(t, "create", "-q", "-f", "qed", "-b", secret, "-F", "raw", at("backing.qed"))
	qemuImg(t, "convert", "-f", "raw", "-O", "qcow2", "-o", "data_file="+external+",data_file_raw=on", secret, at("external.qcow2"))
	descriptor := "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n\nRW 2048 FLAT \"secret.raw\" 0\n\n" +
		"ddb.adapterType = \"ide\"\nddb.geometry.cylinders = \"2\"\nddb.geometry.heads = \"16\"\nddb.geometry.sectors = \"63\"\n"
	for name, text := range map[string]string{"extent.vmdk": descriptor, "absolute.vmdk": strings.Replace(descriptor, "secret.raw", secret, 1)} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program, err := findQEMUImg()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"absolute.qcow2", "relative.qcow2", "json.qcow2", "backing.qed", "external.qcow2", "extent.vmdk", "absolute.vmdk"} {
		t.Run(name, func(t *testing.T) {
			format, out := strings.TrimPrefix(filepath.Ext(name), "."), filepath.Join(t.TempDir(), "out")
			qemuImg(t, "convert", "-f", format, "-O", "raw", at(name), out)
			if got, err := os.ReadFile(out); err != nil || !bytes.Contains(got, []byte(secretText)) {
				t.Fatalf("this way leads nowhere by itself: %v", err)
			}
			if err := os.WriteFile(out, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			c := confined{Program: program, Args: []string{"convert", "-f", format, "-O", "raw", at(name), out}, Read: at(name), Write: out, FileBytes: 8 << 20, CPUSeconds: 60}
			o, err := c.run(t.Context())
			if err != nil || o.status != 1 || !strings.Contains(o.words, "No such file") && !strings.Contains(o.words, "Permission denied") {
				t.Errorf("%+v, %v", o, err)
			}
			if got, err := os.ReadFile(out); err != nil || bytes.Contains(got, []byte("swordfish")) || strings.Contains(o.words+o.output, "swordfish") {
				t.Errorf("the secret came out, %v", err)
			}
		})
	}
}

// Who sees a child from outside sees another user where there may be one, without rights, filtered, alone.
func TestTaskSeenFromOutside(t *testing.T) {
	in, _ := taskFiles(t, "text")
	p, err := confined{Task: "wait", Read: in, CPUSeconds: 60}.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { p.cmd.Process.Kill(); p.wait() }()
	if kind, _, err := readPart(p.report); err != nil || kind != partProgress {
		t.Fatalf("%c, %v: %s", kind, err, p.stderr)
	}
	seenFromOutside(t, p.cmd.Process.Pid, 0)
}

// A program is confined in the same way. Where it works as a user of its own it keeps one right, to open what is not that user's.
func TestProgramSeenFromOutside(t *testing.T) {
	in, out := taskFiles(t, "text")
	c := confined{Program: shell(t), Args: []string{"-c", "echo begun > " + out + "; while :; do :; done"}, Read: in, Write: out, FileBytes: 100, CPUSeconds: 60}
	p, err := c.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { p.cmd.Process.Kill(); p.wait() }()
	waittest.Until(t, "the program has begun", func() bool { text, _ := os.ReadFile(out); return string(text) == "begun\n" })
	var kept uint64
	if mayGiveUser() {
		kept = 1 << unix.CAP_DAC_OVERRIDE
	}
	seenFromOutside(t, p.cmd.Process.Pid, kept)
}

// The calls of a program are filtered: it starts no other, and opens no connection.
func TestProgramCallsLittle(t *testing.T) {
	in, _ := taskFiles(t, "text")
	c := confined{Program: shell(t), Args: []string{"-c", "(echo forked)"}, Read: in, CPUSeconds: 60}
	if o, err := c.run(t.Context()); err != nil || o.status == 0 || strings.Contains(o.output, "forked") || !strings.Contains(o.words, "fork") {
		t.Errorf("%+v, %v", o, err)
	}
	program, err := findQEMUImg()
	if err != nil {
		t.Fatal(err)
	}
	c = confined{Program: program, Args: []string{"info", "nbd://127.0.0.1:" + strconv.Itoa(listen(t))}, Read: in, CPUSeconds: 60}
	if o, err := c.run(t.Context()); err != nil || o.status != 1 || !strings.Contains(o.words, "Operation not permitted") {
		t.Errorf("%+v, %v", o, err)
	}
}

func shell(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func seenFromOutside(t *testing.T, pid int, rights uint64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	user, group := strconv.Itoa(os.Geteuid()), strconv.Itoa(os.Getegid())
	if mayGiveUser() {
		user, group = strconv.Itoa(childUser), strconv.Itoa(childUser)
	}
	want := []string{
		"Uid:" + strings.Repeat("\t"+user, 4) + "\n", "Gid:" + strings.Repeat("\t"+group, 4) + "\n",
		"NoNewPrivs:\t1\n", "Seccomp:\t2\n", "Seccomp_filters:\t2\n", "\t1\n", // the last is its number inside
	}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
		want = append(want, fmt.Sprintf("%s:\t%016x\n", set, rights))
	}
	for _, want := range want {
		if !strings.Contains(string(status), want) {
			t.Errorf("%q is missing in:\n%s", want, status)
		}
	}
	for _, kind := range []string{"user", "mnt", "net", "pid", "ipc", "uts", "cgroup"} {
		ours, err := os.Readlink("/proc/self/ns/" + kind)
		theirs, err2 := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		// Who is not root may not look into a process of another user namespace.
		if err != nil || ours == theirs || err2 != nil && !errors.Is(err2, os.ErrPermission) {
			t.Errorf("%s: ours is %s, the child's %s; %v", kind, ours, theirs, errors.Join(err, err2))
		}
	}
}

// probe is what a child is asked to try.
type probe struct {
	Secret, Folder string
	Parent, Port   int
}

// tried runs a probing task in a child that begins in a stage, and gives what it says of each try.
func tried(t *testing.T, c confined, p probe) map[string]string {
	t.Helper()
	orders, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	c.Orders, c.FileBytes, c.CPUSeconds = orders, 1<<20, 60
	c.Read, c.Write = taskFiles(t, "text")
	o, err := c.run(t.Context())
	if err != nil || o.fault != nil {
		t.Fatalf("%+v, %+v, %v", o, o.fault, err)
	}
	got := map[string]string{}
	if err := json.Unmarshal(o.answer, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// Whatever a task asks of the kernel beside its work fails.
func TestTaskCallsNothing(t *testing.T) {
	dir := t.TempDir()
	plant(t, filepath.Join(dir, "secret"))
	got := tried(t, confined{Task: "try all"}, probe{Secret: filepath.Join(dir, "secret"), Folder: dir, Parent: os.Getpid()})
	if len(got) < 40 {
		t.Errorf("only %d tries: %v", len(got), got)
	}
	for try, said := range got {
		want := syscall.EPERM.Error()
		switch try {
		case "clone3":
			want = syscall.ENOSYS.Error()
		case "write to the input":
			want = syscall.EBADF.Error()
		case "cut the input":
			want = syscall.EINVAL.Error()
		}
		if said != want {
			t.Errorf("%s: %s, want %s", try, said, want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%d files, %v", len(left), err)
	}
}

// The other walls hold without the filter of calls, too.
func TestNamespacesHoldAlone(t *testing.T) {
	dir := t.TempDir()
	plant(t, filepath.Join(dir, "secret"))
	port := listen(t)
	got := tried(t, confined{Task: "try walls", stage: "unfiltered"}, probe{Secret: filepath.Join(dir, "secret"), Folder: dir, Parent: os.Getpid(), Port: port})
	for try, want := range map[string]string{
		"its number": "1", "read the secret": syscall.ENOENT.Error(), "list /proc": syscall.ENOENT.Error(), "list /tmp": syscall.ENOENT.Error(), "list /dev": syscall.ENOENT.Error(),
		"write beside the output": syscall.ENOENT.Error(), "write to the root": syscall.EROFS.Error(),
		"connect to this machine": syscall.EACCES.Error(), "send to this machine": syscall.ENETUNREACH.Error(),
		"signal the parent": syscall.ESRCH.Error(), "signal any": syscall.ESRCH.Error(),
		"mount": syscall.EPERM.Error(), "host name": syscall.EPERM.Error(), "leave the root": syscall.EPERM.Error(), "write a library": syscall.EROFS.Error(),
		"run a shell": syscall.ENOENT.Error(), "more memory locked": syscall.EPERM.Error(), "more processes allowed": syscall.EPERM.Error(),
	} {
		if got[try] != want {
			t.Errorf("%s: %q, want %s", try, got[try], want)
		}
	}
	if n, err := strconv.Atoi(got["processes made"]); err != nil || n < 1 || n >= maxThreads {
		t.Errorf("%s processes were made, %v", got["processes made"], err)
	}
}

// Landlock alone keeps a child from every file but libraries.
func TestLandlockHoldsAlone(t *testing.T) {
	dir := t.TempDir()
	plant(t, filepath.Join(dir, "secret"))
	got := tried(t, confined{Task: "try files", stage: "landlock"}, probe{Secret: filepath.Join(dir, "secret"), Folder: dir})
	for try, said := range got {
		if said != syscall.EACCES.Error() {
			t.Errorf("%s: %s", try, said)
		}
	}
	if len(got) < 5 {
		t.Errorf("only %v", got)
	}
}

func TestTaskMakesNoMoreThreads(t *testing.T) {
	in, _ := taskFiles(t, "text")
	o, err := confined{Task: "threads", Read: in, CPUSeconds: 60}.run(t.Context())
	// Go's runtime says the one, the C library that it may start its threads by the other.
	if err != nil || o.fault == nil || !strings.Contains(o.words, "failed to create new OS thread") && !strings.Contains(o.words, "pthread_create failed") {
		t.Errorf("%+v, %.500s, %v", o.fault, o.words, err)
	}
}

// The filters do not depend on the machine's way of calling: the 32-bit calls of an x86 processor have other numbers.
func TestFilterKnowsOtherWaysToCall(t *testing.T) {
	for name, policy := range map[string]func() (seccomp.Policy, error){"program": programPolicy, "task": taskPolicy} {
		p, err := policy()
		if err != nil {
			t.Fatal(err)
		}
		instructions, err := p.Assemble()
		if err != nil {
			t.Fatal(err)
		}
		vm, err := bpf.NewVM(instructions)
		if err != nil {
			t.Fatal(err)
		}
		machine, err := arch.GetInfo("")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what       string
			call, arch uint32
			allowed    bool
		}{
			{"read", uint32(syscall.SYS_READ), uint32(machine.ID), true},
			{"socket", uint32(syscall.SYS_SOCKET), uint32(machine.ID), false},
			{"a call of another processor", uint32(syscall.SYS_READ), uint32(arch.I386.ID), false},
			{"x32", uint32(syscall.SYS_READ) | 0x40000000, uint32(machine.ID), false},
			{"a call that does not exist yet", 9999, uint32(machine.ID), false},
		} {
			data := make([]byte, 64) // struct seccomp_data, in the byte order of that machine of instructions
			binary.BigEndian.PutUint32(data, c.call)
			binary.BigEndian.PutUint32(data[4:], c.arch)
			got, err := vm.Run(data)
			if err != nil || (uint32(got) == uint32(seccomp.ActionAllow)) != c.allowed { //nolint:gosec // it has 32 bits
				t.Errorf("%s: %s: %x, %v", name, c.what, got, err)
			}
		}
	}
}

// The walls are the same where nobody is root, as most workers run: root sees that by being somebody else.
func TestWallsWithoutRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		return // all of these tests are that
	}
	const nobody = 65534
	dir := t.TempDir()
	if err := errors.Join(os.Chown(dir, nobody, nobody), os.Chmod(filepath.Dir(dir), 0o755)); err != nil { // the folder above is for us alone
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.run",
		"^(TestPlanted.*|TestTask.*|TestProgram.*|TestNamespaces.*|TestLandlock.*|TestSandbox.*|TestChild.*|TestConfinement|TestVerifyBy.*)$")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS: Test") < 16 {
		t.Errorf("%s, %v", out, err)
	}
}
