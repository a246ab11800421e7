package sample_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"volary.dev/provisioner/lab/sample"
	"volary.dev/provisioner/waittest"
)

// patience is for a loaded machine with emulated processors; nothing waits that long when all is well.
const patience = 3 * time.Minute

// cacheDir keeps built images between test runs, within the checkout.
func cacheDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../.volary/sample")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// overlay makes a disk over the sample image, as a node has one.
func overlay(t *testing.T) string {
	t.Helper()
	base, err := sample.Build(t.Context(), cacheDir(t), func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	disk := filepath.Join(t.TempDir(), "disk.qcow2")
	if out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", disk).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return disk
}

// machine is one running QEMU with its console.
type machine struct {
	t       *testing.T
	ssh     string // address of the forwarded SSH port
	monitor string
	input   io.Writer
	done    chan error

	mu     sync.Mutex
	output []byte
	more   chan struct{} // closed and replaced when output grew
	read   int           // how far expect has looked
}

func boot(t *testing.T, disk string, seed []byte) *machine {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "seed.iso"), seed, 0o600); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	m := &machine{t: t, ssh: fmt.Sprintf("127.0.0.1:%d", port), monitor: filepath.Join(dir, "monitor"), done: make(chan error, 1), more: make(chan struct{})}
	c := exec.CommandContext(t.Context(), "qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-cpu", "Nehalem", "-m", "256",
		"-nodefaults", "-display", "none", "-serial", "stdio", "-qmp", "unix:"+m.monitor+",server=on,wait=off",
		"-drive", "file="+disk+",if=virtio,format=qcow2", "-drive", "file="+dir+"/seed.iso,if=virtio,format=raw,readonly=on",
		"-netdev", fmt.Sprintf("user,id=n,domainname=trial-1.volary,hostfwd=tcp:127.0.0.1:%d-:22", port), "-device", "virtio-net-pci,netdev=n")
	input, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.input = input
	c.Stdout, c.Stderr = m, m
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { m.done <- c.Wait() }()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		if t.Failed() {
			t.Logf("console:\n%s", m.output)
		}
	})
	return m
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (m *machine) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.output = append(m.output, p...)
	close(m.more)
	m.more = make(chan struct{})
	return len(p), nil
}

// expect waits for text on the console after what was expected before, and returns the line it stands in.
func (m *machine) expect(text string) string {
	m.t.Helper()
	defer waittest.Measure(m.t, fmt.Sprintf("%q on the console", text))()
	deadline := time.NewTimer(waittest.Limit)
	defer deadline.Stop()
	for {
		m.mu.Lock()
		at := bytes.Index(m.output[m.read:], []byte(text))
		more, end := m.more, -1
		if at >= 0 {
			at += m.read
			end = bytes.IndexAny(m.output[at+len(text):], "\r\n")
		}
		if end >= 0 || (at >= 0 && strings.HasSuffix(text, " ")) {
			line := string(m.output[at : at+len(text)+max(end, 0)])
			m.read = at + len(text)
			m.mu.Unlock()
			return line
		}
		m.mu.Unlock()
		select {
		case <-more:
		case <-deadline.C:
			m.t.Fatalf("%q did not appear on the console", text)
		}
	}
}

func (m *machine) typeLine(text string) {
	m.t.Helper()
	if _, err := io.WriteString(m.input, text+"\n"); err != nil {
		m.t.Fatal(err)
	}
}

// powerButton presses the ACPI button and waits until the machine is off.
func (m *machine) powerButton() {
	m.t.Helper()
	c, err := net.Dial("unix", m.monitor)
	if err != nil {
		m.t.Fatal(err)
	}
	defer c.Close()
	replies := json.NewDecoder(c)
	var greeting any
	for _, command := range []string{"", `{"execute":"qmp_capabilities"}`, `{"execute":"system_powerdown"}`} {
		if _, err := io.WriteString(c, command); err != nil {
			m.t.Fatal(err)
		}
		if err := replies.Decode(&greeting); err != nil {
			m.t.Fatal(err)
		}
	}
	if err, _ := waittest.Receive(m.t, "the machine to power off", m.done); err != nil {
		m.t.Fatalf("QEMU ended: %v", err)
	}
}
