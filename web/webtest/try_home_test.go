package webtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"volary.dev/provisioner/lab/sample"
	"volary.dev/provisioner/waittest"
	"volary.dev/web/public"
)

// TestTryAtHome types what the page "What your image must do" tells its readers to type, with the sample image.
func TestTryAtHome(t *testing.T) {
	if testing.Short() {
		t.Skip("boots a machine")
	}
	kept, err := filepath.Abs("../../.volary/sample")
	if err != nil {
		t.Fatal(err)
	}
	image, err := sample.Build(t.Context(), kept, func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(image, filepath.Join(dir, "my-image.qcow2")); err != nil {
		t.Fatal(err)
	}
	seed := exec.Command("sh", "-eu", "-c", public.TrySeed)
	seed.Dir = dir
	if out, err := seed.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// Not every machine that tests has KVM, nor a free port 2222.
	boot := strings.NewReplacer("accel=kvm:tcg", "accel=tcg", "hostfwd=tcp:127.0.0.1:2222-:22", "hostfwd=tcp:127.0.0.1:0-:22").Replace(public.TryBoot)
	c := exec.CommandContext(t.Context(), "sh", "-eu", "-c", "exec "+boot)
	c.Dir = dir
	console := &firstBoot{want: []string{"user-data ran", "head login:"}, seen: make(chan struct{})}
	c.Stdout, c.Stderr = console, console
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}()
	defer func() {
		if t.Failed() {
			t.Logf("the console:\n%s", console.text.String())
		}
	}()
	waittest.Receive(t, fmt.Sprintf("%q on the console", console.want), console.seen)
}

// firstBoot reads a console and waits for texts in any order.
type firstBoot struct {
	mu   sync.Mutex
	text bytes.Buffer
	want []string
	seen chan struct{} // closed when all were there
	done bool
}

func (c *firstBoot) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text.Write(p)
	for _, w := range c.want {
		if !strings.Contains(c.text.String(), w) {
			return len(p), nil
		}
	}
	if !c.done {
		c.done = true
		close(c.seen)
	}
	return len(p), nil
}
