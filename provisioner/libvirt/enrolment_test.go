//go:build libvirt

package libvirt

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/provisioner/lab"
)

const someCode, laterCode = "6TOID3VHJKPHUKXV3NUEK7EF6J", "AAAAAAAAAAAAAAAAAAAAAAAAA7"

// A host is asked who it is before anything is made on it, and is the same by whatever address; a driver that was told whom to
// expect does nothing on another.
func TestEnrolmentOfALabHost(t *testing.T) {
	l := startLab(t, 1)
	h := l.Hosts()[0]
	asks := func(a provisioner.HostAddress) provisioner.Enrolment {
		t.Helper()
		d := dialAddress(t, Options{AllowTCP: true}, a)
		defer d.Close()
		e, err := d.Enrolment(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	before := asks(h.Address)
	if before.Hook != provisioner.HookNone || before.Code != "" || before.Machine.UUID == uuid.Nil {
		t.Errorf("a host on which nobody pasted a line: %+v", before)
	}
	wantMade(t, l, "")
	pastes(t, l, someCode)
	first := asks(h.Address)
	if first.Hook != provisioner.HookAnswers || first.Code != provisioner.CodeHash(someCode) || first.Machine.Key == uuid.Nil {
		t.Errorf("after the line was pasted: %+v", first)
	}
	wantMade(t, l, "volary-networks volary-probe")

	// The same machine by a second address, with another host's line pasted there: it cannot be taken for another one.
	second := h.Address
	addr := netip.MustParseAddr(h.Address.Name).As4()
	addr[3] += 100
	second.Name = netip.AddrFrom4(addr).String()
	if _, err := l.Run(t.Context(), 0, "ip", "address", "add", second.Name+"/24", "dev", "eth0"); err != nil {
		t.Fatal(err)
	}
	pastes(t, l, laterCode)
	if e := asks(second); e.Machine != first.Machine || e.Code != provisioner.CodeHash(laterCode) {
		t.Errorf("by a second address: %+v, first %+v", e, first)
	}
	wantMade(t, l, "volary-networks volary-probe")
	expectedAlone(t, l, second, first.Machine)
}

// expectedAlone dials as somebody who knows whom to expect.
func expectedAlone(t *testing.T, l *lab.Lab, a provisioner.HostAddress, m provisioner.Machine) {
	t.Helper()
	for what, other := range map[string]provisioner.Machine{"another UUID": {UUID: uuid.New(), Key: m.Key}, "another key": {UUID: m.UUID, Key: uuid.New()}} {
		a.Machine = other
		d := dialAddress(t, Options{AllowTCP: true}, a)
		_, facts := d.Facts(t.Context())
		_, console := d.Console(t.Context(), uuid.New())
		_, exec := d.Exec(t.Context(), uuid.New(), provisioner.Command{Argv: []string{"true"}})
		_, probe := d.Probe(t.Context(), provisioner.Probe{VNI: 7, Guest: netip.MustParseAddr("10.200.7.10"), Port: 22})
		for call, err := range map[string]error{
			"facts": facts, "network": d.EnsureNetwork(t.Context(), provisioner.Network{VNI: 7}), "delete": d.DeleteNode(t.Context(), uuid.New(), true),
			"stop": d.StopNode(t.Context(), uuid.New(), true), "console": console, "exec": exec, "probe": probe,
		} {
			if !errors.Is(err, provisioner.ErrAnotherMachine) || !errors.Is(err, provisioner.ErrHostUnreachable) {
				t.Errorf("%s, %s: %v", what, call, err)
			}
		}
		if _, err := d.Observe(t.Context()); !errors.Is(err, provisioner.ErrAnotherMachine) {
			t.Errorf("%s, observe: %v", what, err)
		}
		_ = d.Close()
	}
	wantMade(t, l, "volary-networks volary-probe")
	a.Machine = m
	d := dialAddress(t, Options{AllowTCP: true}, a)
	defer d.Close()
	if f, err := d.Facts(t.Context()); err != nil || f.UUID != m.UUID || !f.HookAnswers {
		t.Errorf("the right one: %+v, %v", f, err)
	}
	if o, err := d.Observe(t.Context()); err != nil || o.Machine != m {
		t.Errorf("the right one: %+v, %v", o, err)
	}
}

// pastes runs a host's line on the lab's host.
func pastes(t *testing.T, l *lab.Lab, code string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Run(t.Context(), 0, self, "hook", "enrol", code); err != nil {
		t.Fatal(err)
	}
}

// wantMade looks what pools and networks a host has.
func wantMade(t *testing.T, l *lab.Lab, want string) {
	t.Helper()
	pools, err := l.Run(t.Context(), 0, "virsh", "-q", "-c", "qemu:///system", "pool-list", "--all", "--name")
	if err != nil {
		t.Fatal(err)
	}
	networks, err := l.Run(t.Context(), 0, "virsh", "-q", "-c", "qemu:///system", "net-list", "--all", "--name")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(string(pools)+" "+string(networks)), " "); got != want {
		t.Errorf("on the host are %q, want %q", got, want)
	}
}
