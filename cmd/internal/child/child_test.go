package child

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"volary.dev/provisioner/waittest"
)

// TestMain lets a test run this program as a parent that starts a child and is then killed.
func TestMain(m *testing.M) {
	if os.Getenv("VOLARY_CHILD_TEST_PARENT") == "" {
		os.Exit(m.Run())
	}
	p, err := Start(exec.Command("sleep", "600"), syscall.SIGKILL)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(p.PID())
	<-p.Done()
}

func TestChildDiesWithItsKilledParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "VOLARY_CHILD_TEST_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(line, &pid); err != nil {
		t.Fatal(err)
	}
	if StartTime(pid) == 0 {
		t.Fatal("the child does not run")
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	waittest.Until(t, "the child's end after its parent's", func() bool { return StartTime(pid) == 0 })
}

func TestStopEndsAChildThatIgnoresTheAsking(t *testing.T) {
	cmd := exec.Command("sh", "-c", `trap "" TERM; echo ready; while :; do sleep 600; done`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	p.Stop(syscall.SIGTERM, 50*time.Millisecond)
	if StartTime(p.PID()) != 0 {
		t.Error("the child still runs")
	}
}

func TestStartTimeOfNobody(t *testing.T) {
	if got := StartTime(1 << 22); got != 0 {
		t.Errorf("StartTime of a process that is not there is %d", got)
	}
	if StartTime(os.Getpid()) == 0 {
		t.Error("StartTime does not find this process")
	}
}
