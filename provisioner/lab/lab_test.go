package lab_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/waittest"
)

func TestMain(m *testing.M) {
	lab.Main()
	if dir := os.Getenv("VOLARY_TEST_LAB_CALLER"); dir != "" {
		callAndHang(dir)
	}
	os.Exit(m.Run())
}

// callAndHang is a program that starts a lab and is then killed by the test.
func callAndHang(dir string) {
	l, err := lab.Start(context.Background(), lab.Config{Dir: dir, Hosts: 2})
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString(l.Hosts()[0].Address.Name + "\n")
	select {}
}

func TestStartStop(t *testing.T) {
	needLab(t)
	dir := t.TempDir()
	began := time.Now()
	l, err := lab.Start(t.Context(), lab.Config{Dir: dir, Hosts: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	t.Logf("four hosts after %v", time.Since(began))
	if n := len(l.Hosts()); n != 4 {
		t.Fatalf("%d hosts, want 4", n)
	}
	if _, err := lab.Start(t.Context(), lab.Config{Dir: dir, Hosts: 1}); !errors.Is(err, lab.ErrInUse) {
		t.Errorf("second lab on the folder: %v, want ErrInUse", err)
	}
	if _, err := lab.Leftovers(t.Context(), dir); !errors.Is(err, lab.ErrInUse) {
		t.Errorf("leftovers of a running lab: %v, want ErrInUse", err)
	}
	out, err := l.Run(t.Context(), 1, "hostname")
	if err != nil || strings.TrimSpace(string(out)) != "host-2" {
		t.Errorf("hostname of host 1: %q, %v", out, err)
	}
	out, err = l.Run(t.Context(), 0, "bash", "-c", "exec 3<>/dev/tcp/"+l.Hosts()[3].Underlay.String()+"/16509")
	if err != nil {
		t.Errorf("host to host: %v: %s", err, out)
	}
	l.Stop()
	noLeftovers(t, dir)
	again, err := lab.Start(t.Context(), lab.Config{Dir: dir, Hosts: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Stop()
	if again.Hosts()[0].Underlay != l.Hosts()[0].Underlay {
		t.Errorf("the underlay moved from %v to %v", l.Hosts()[0].Underlay, again.Hosts()[0].Underlay)
	}
}

func TestHostKilledCutAndRestarted(t *testing.T) {
	needLab(t)
	dir := t.TempDir()
	l, err := lab.Start(t.Context(), lab.Config{Dir: dir, Hosts: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	ctx := t.Context()
	began := time.Now()
	step := func(name string) { t.Logf("%s after %v", name, time.Since(began)) }
	if err := l.KillHost(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if answers(l.Hosts()[1]) {
		t.Error("a killed host answers")
	}
	if !answers(l.Hosts()[0]) {
		t.Error("its neighbour does not answer")
	}
	step("killed")
	if err := l.RestartHost(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if !answers(l.Hosts()[1]) {
		t.Error("a restarted host does not answer")
	}
	step("restarted")
	if err := l.CutHost(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if answers(l.Hosts()[0]) {
		t.Error("a host that was cut off answers")
	}
	if err := l.JoinHost(ctx, 0); err != nil {
		t.Fatal(err)
	}
	step("joined")
	if err := l.RestartDaemon(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if !answers(l.Hosts()[0]) {
		t.Error("a host whose libvirtd was restarted does not answer")
	}
	step("daemon restarted")
	l.Stop()
	noLeftovers(t, dir)
}

func TestKilledCallerLeavesNothing(t *testing.T) {
	needLab(t)
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "VOLARY_TEST_LAB_CALLER="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 64)); err != nil {
		t.Fatalf("the caller started no lab: %v", err)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	noLeftovers(t, dir)
}

// noLeftovers waits for the kernel to take namespaces down after their last process, which it does on its own time.
func noLeftovers(t *testing.T, dir string) {
	t.Helper()
	var left []lab.Leftover
	var err error
	defer func() {
		if t.Failed() {
			t.Logf("left behind: %v, %v", left, err)
		}
	}()
	waittest.Until(t, "nothing to be left of the lab", func() bool {
		left, err = lab.Leftovers(t.Context(), dir)
		return err == nil && len(left) == 0
	})
}

func answers(h lab.Host) bool {
	c, err := net.DialTimeout("tcp", net.JoinHostPort(h.Address.Name, "16509"), time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func needLab(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs lab hosts")
	}
	if err := lab.Check(); err != nil {
		t.Fatal(err)
	}
}
