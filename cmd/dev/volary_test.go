package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"volary.dev/cmd/internal/child"
	"volary.dev/cmd/internal/demo"
	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/waittest"
)

func TestMain(m *testing.M) {
	lab.Main()
	abroadMain()
	burdenMain()
	burdenParentMain()
	os.Exit(m.Run())
}

// startVolary starts all that `up` starts, in a state folder of its own below the checkout's, and waits until every
// host has passed its check. What is only a cache is shared: the sample image.
func startVolary(t *testing.T, name string) *volary {
	t.Helper()
	v := prepareVolary(t, name)
	v.noPast = true
	if err := v.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.awaitHosts(t)
	return v
}

// startSimulated is startVolary with the hosts of the memory driver: nothing is booted, and root is not needed.
func startSimulated(t *testing.T, name string) *volary {
	t.Helper()
	v := prepareVolary(t, name)
	v.kind, v.noPast = hostsMemory, true
	if err := v.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

// startBare is startVolary without the demo: nobody, nothing, and one host of the lab that nobody has added.
func startBare(t *testing.T, name string) *volary {
	t.Helper()
	v := prepareVolary(t, name)
	v.bare = true
	if err := v.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

func prepareVolary(t *testing.T, name string) *volary {
	t.Helper()
	ours, err := findCheckout()
	if err != nil {
		t.Fatal(err)
	}
	c := checkout{root: ours.root, state: ours.path("test", name)}
	if err := os.RemoveAll(c.state); err != nil {
		t.Fatal(err)
	}
	if err := c.makeState(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(ours.path("sample"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(ours.path("sample"), c.path("sample")); err != nil {
		t.Fatal(err)
	}
	if err := ours.build(t.Context(), "web", "worker", "volary"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DATABASE_URL", "")
	v := &volary{
		checkout: c, steps: newSteps(os.Stdout), kind: hostsLab, programs: filepath.Dir(ours.path("bin", "web")),
		listen: "127.0.0.1", port: freePort(t),
	}
	t.Cleanup(v.stop)
	return v
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := child.FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// awaitHosts waits until the worker has checked each host, of the lab or simulated: for one after the other, since each of them boots a machine.
func (v *volary) awaitHosts(t *testing.T) {
	t.Helper()
	hosts := demo.Hosts
	if v.lab != nil {
		hosts = len(v.lab.Hosts())
	}
	for n := range hosts {
		v.await(t, fmt.Sprintf("%d of %d hosts to pass their checks", n+1, hosts),
			`SELECT count(*) > $1 FROM hosts WHERE check_state = 'passed' AND state = 'active' AND fit`, n)
	}
}

// await polls the database until the query answers true.
func (v *volary) await(t *testing.T, what string, query string, args ...any) {
	t.Helper()
	var last error // the database may be away meanwhile
	t.Cleanup(func() {
		if t.Failed() && last != nil {
			t.Logf("waiting for %s: %v", what, last)
		}
	})
	waittest.Until(t, what, func() (done bool) {
		last = v.pool.QueryRow(t.Context(), query, args...).Scan(&done)
		return last == nil && done
	})
}
