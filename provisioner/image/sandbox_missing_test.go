package image

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"

	"volary.dev/provisioner/waittest"
)

// What forbids the sandbox is named with what grants it.
func TestSandboxNeeds(t *testing.T) {
	failed := errors.New("fork/exec: operation not permitted")
	for _, c := range []struct {
		files    map[string]string
		root     bool
		version  int
		landlock error
		says     string
	}{
		{nil, false, 0, syscall.ENOSYS, "CONFIG_SECURITY_LANDLOCK"},
		{nil, false, 1, nil, "Linux 5.19"},
		{map[string]string{"proc/sys/kernel/unprivileged_userns_clone": "0\n"}, false, 6, nil, "kernel.unprivileged_userns_clone to 1"},
		{map[string]string{"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n"}, false, 6, nil, "kernel.apparmor_restrict_unprivileged_userns to 0"},
		{map[string]string{"proc/sys/user/max_user_namespaces": "0\n"}, true, 6, nil, "user.max_user_namespaces to 1000"},
		{map[string]string{"proc/self/status": "NoNewPrivs:\t0\nSeccomp:\t2\n"}, false, 0, syscall.EPERM, "seccomp=worker-seccomp.json"},
		{map[string]string{"proc/self/attr/current": "docker-default (enforce)\n"}, false, 6, nil, "apparmor=unconfined"},
		{map[string]string{"proc/sys/user/max_user_namespaces": "1000\n", "proc/self/attr/current": "unconfined\n"}, false, 6, nil, "user namespaces and mounts"},
	} {
		root := fstest.MapFS{}
		for name, text := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		got := sandboxNeeds(root, c.root, c.version, c.landlock, failed)
		if !strings.Contains(got, c.says) || !strings.Contains(got, failed.Error()) || strings.Contains(got, "Landlock") && c.landlock == nil && c.version > 1 || strings.HasSuffix(got, ".") {
			t.Errorf("%v: %s", c.files, got)
		}
	}
}

// Where the kernel really gives no namespaces, nothing is opened and the setting is named. The process that sees it has a user namespace of its
// own, in which it may set that.
func TestSandboxMissingIsSaid(t *testing.T) {
	for _, setting := range []string{"max_user_namespaces", "max_net_namespaces"} {
		got := askAbout(t, question{Setting: setting})
		if !strings.HasPrefix(got, ErrNoSandbox.Error()) || !strings.Contains(got, "user."+setting+" to 1000") {
			t.Error(got)
		}
	}
	if err := CheckSandbox(); err != nil {
		t.Error(err)
	}
}

// In a container with a default profile it is said that the profile forbids it, and with ours it works.
func TestContainersProfile(t *testing.T) {
	got := askAbout(t, question{Forbidden: []string{"mount", "umount2", "pivot_root", "open_tree", "move_mount", "unshare", "setns"}})
	if !strings.HasPrefix(got, ErrNoSandbox.Error()) || !strings.Contains(got, "seccomp=worker-seccomp.json") {
		t.Error(got)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", ".readme", "worker-seccomp.json"))
	if err != nil {
		t.Fatal(err)
	}
	var profile struct {
		DefaultAction string
		Syscalls      []struct {
			Names  []string
			Action string
		}
	}
	if err := json.Unmarshal(text, &profile); err != nil || profile.DefaultAction != "SCMP_ACT_ALLOW" || len(profile.Syscalls) != 1 || profile.Syscalls[0].Action != "SCMP_ACT_ERRNO" {
		t.Fatalf("%+v, %v", profile, err)
	}
	if got := askAbout(t, question{Forbidden: profile.Syscalls[0].Names}); got != "<nil>" {
		t.Error(got)
	}
}

// question is what a process of its own is asked: what CheckSandbox says where a setting of its user namespace is 0, and calls are forbidden.
type question struct {
	Setting   string
	Forbidden []string
}

// askSandbox carries it.
const askSandbox = "VOLARY_TEST_ASK_SANDBOX"

func askAbout(t *testing.T, q question) string {
	t.Helper()
	text, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = []string{askSandbox + "=" + string(text)}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	return strings.TrimSpace(string(out))
}

// saySandbox answers, in that process.
func saySandbox() {
	text := os.Getenv(askSandbox)
	if text == "" {
		return
	}
	var q question
	err := json.Unmarshal([]byte(text), &q)
	if err == nil && q.Setting != "" {
		err = os.WriteFile("/proc/sys/user/"+q.Setting, []byte("0"), 0)
	}
	if machine, _ := arch.GetInfo(""); err == nil && q.Forbidden != nil {
		runtime.LockOSThread()
		known := slices.DeleteFunc(q.Forbidden, func(name string) bool { _, known := machine.SyscallNames[name]; return !known })
		err = seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: tsync, Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionAllow, Syscalls: []seccomp.SyscallGroup{{Action: seccomp.ActionErrno, Names: known}},
		}})
	}
	if err == nil {
		err = CheckSandbox()
	}
	fmt.Println(err)
	os.Exit(0)
}

// A child does not outlive who started it.
func TestChildEndsWithItsParent(t *testing.T) {
	in, _ := taskFiles(t, "text")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	parent := exec.CommandContext(t.Context(), "/proc/self/exe")
	parent.Env, parent.Stdout = []string{askParent + "=" + in}, w
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || syscall.Kill(child, 0) != nil {
		t.Fatalf("%q is no child, %v", line, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	parent.Wait()
	waittest.Until(t, "the child has ended", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", child))
		return err != nil || strings.Contains(string(status), "State:\tZ") // whoever inherits it has not looked yet
	})
}

// askParent has this program start a child that waits, say its number, and wait itself.
const askParent = "VOLARY_TEST_ASK_PARENT"

func startAndWait() {
	in := os.Getenv(askParent)
	if in == "" {
		return
	}
	p, err := confined{Task: "wait", Read: in, CPUSeconds: 60}.start(context.Background())
	if err == nil {
		_, _, err = readPart(p.report)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.cmd.Process.Pid)
	p.wait()
	os.Exit(0)
}
