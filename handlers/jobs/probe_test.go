package jobs

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"volary.dev/handlers/loops"
	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// TestABusyHostKeepsItsAcceleration boots a check's guest on hosts that are slow, that do not answer for a while, and on which
// it hangs: only the last says something about KVM. The time is the bubble's own.
func TestABusyHostKeepsItsAcceleration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(file, []byte("a probe"), 0o600); err != nil {
		t.Fatal(err)
	}
	image, err := loops.OpenProbeImage(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		boot   time.Duration // in pieces of six tenths at the most
		before func(*memory.Host)
		after  func(*memory.Host) // the guest's start
		fault  string
	}{
		"quick": {boot: 2 * time.Second},
		"slow":  {boot: 18 * time.Second},
		"not answered": {boot: 2 * time.Second, after: func(h *memory.Host) {
			h.SetUnreachable(true)
			time.AfterFunc(14*time.Second, func() { h.SetUnreachable(false) })
		}},
		"hanging": {boot: 2 * time.Second, before: func(h *memory.Host) { h.SetHanging(true) }, fault: "nor anything else for 12s"},
		"silent":  {boot: 2 * time.Second, after: func(h *memory.Host) { h.SetUnreachable(true) }, fault: "within 3m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := memory.NewWorld(memory.Options{BootTime: c.boot})
				host := machines.Host{ID: uuid.New(), Name: "host-1", Address: provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"}, Underlay: netip.MustParseAddr("10.77.0.11")}
				hosts := loops.NewHosts(world.Dial)
				defer hosts.Close()
				p := newProbes(&hostCheck{CheckHost: &CheckHost{Engine: loops.Engine{Hosts: hosts, Log: slog.New(slog.DiscardHandler)}}, Probe: ProbeTimes{}.withDefaults(), host: host, pool: []machines.Host{host}})
				p.image = image
				// What prepare does, without the claim on the image: a bubble reaches no database.
				n, err := p.network(host, nil)
				if err != nil {
					t.Fatal(err)
				}
				if err := p.with(t.Context(), host, func(d provisioner.Driver) error {
					return errors.Join(d.EnsureImage(t.Context(), image.Digest, image.Size, p.openImage), d.EnsureNetwork(t.Context(), n))
				}); err != nil {
					t.Fatal(err)
				}
				if c.before != nil {
					c.before(world.Host(host.Address))
				}
				if err := p.start(t.Context(), p.here()[1], provisioner.AccelerationKVM, 0); err != nil {
					t.Fatal(err)
				}
				if c.after != nil {
					c.after(world.Host(host.Address))
				}
				err = p.await(t.Context(), p.here()[1], p.Probe.KVM, p.Probe.TCG, "volary: ready")
				if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
					t.Errorf("%v, want %q", err, c.fault)
				}
				world.Host(host.Address).SetUnreachable(false)
				p.remove(context.Background(), p.here()[1])
			})
		})
	}
}

// The check's network has the MTU that clusters of the pool get: a host whose underlay has no room for it fails its check.
func TestProbesHaveThePoolsMTU(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `UPDATE pools SET mtu = 8950`)
	h := storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), w.Hosts[0]))
	if n, err := newProbes(&hostCheck{host: h}).network(h, nil); err != nil || n.MTU != 8950 {
		t.Errorf("the check tries an MTU of %d, the pool has 8950: %v", n.MTU, err)
	}
}
