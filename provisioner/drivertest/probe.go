package drivertest

import (
	"errors"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// probe has the host look at a guest's ports, and sign in there.
func probe(t *testing.T, b Bench) {
	b.need(t, PartProbe)
	f := newFixture(t, b, 109)
	f.network.Sealed = true
	f.ensureAll(t)
	p := provisioner.Probe{VNI: f.network.VNI, Guest: f.network.Entries[0].IP, Port: 22}
	waittest.Until(t, "the guest's SSH port", func() bool { return f.probed(t, p).Answers })
	f.meets(t, provisioner.Gate{Kind: provisioner.GatePort, Port: 22})
	f.waits(t, provisioner.Gate{Kind: provisioner.GatePort, Port: 9})
	f.countsAtTheEdge(t)
	closed := p
	closed.Port = 9
	if a := f.probed(t, closed); a.Answers || a.Why == "" {
		t.Errorf("a port where nobody listens: %+v", a)
	}
	nobody := p
	nobody.Guest, nobody.Within = f.network.Entries[1].IP, time.Second
	if a := f.probed(t, nobody); a.Answers || a.Why == "" {
		t.Errorf("an address that nobody has: %+v", a)
	}
	p.SignIn = &provisioner.ProbeSignIn{User: "root", PrivateKey: f.PrivateKey}
	first := f.probed(t, p)
	if !first.Answers || !first.SignedIn || first.HostKey == "" || first.Why != "" {
		t.Fatalf("signing in: %+v", first)
	}
	p.SignIn.HostKey = first.HostKey
	if again := f.probed(t, p); !again.SignedIn || again.HostKey != first.HostKey {
		t.Errorf("signing in to the same host key: %+v", again)
	}
	p.SignIn.HostKey = first.HostKey[:len(first.HostKey)-8] + "AAAAAAAA"
	if other := f.probed(t, p); other.SignedIn || !other.Answers || other.Why == "" {
		t.Errorf("signing in where another host key is wanted: %+v", other)
	}
	p.SignIn.HostKey = ""
	p.SignIn.PrivateKey, _ = NewKey(t)
	if stranger := f.probed(t, p); stranger.SignedIn || !stranger.Answers || stranger.Why == "" {
		t.Errorf("signing in with a key that the guest does not know: %+v", stranger)
	}
	f.refusesProbes(t, p)
}

// countsAtTheEdge asks for the counters of a sealed network, and for those of none.
func (f *fixture) countsAtTheEdge(t *testing.T) {
	t.Helper()
	if r, err := f.driver.NetworkReport(t.Context(), f.network.VNI); err != nil || r.Passed != 0 || len(r.By) == 0 {
		t.Errorf("the counters of a sealed network: %+v, %v", r, err)
	}
	var refused *provisioner.HostError
	if r, err := f.driver.NetworkReport(t.Context(), 998); !errors.As(err, &refused) {
		t.Errorf("the counters of a network that is not there: %+v, %v, want a HostError", r, err)
	}
}

func (f *fixture) probed(t *testing.T, p provisioner.Probe) provisioner.Probed {
	t.Helper()
	a, err := f.driver.Probe(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// refusesProbes asks for what is no guest's, and for what no probe does.
func (f *fixture) refusesProbes(t *testing.T, p provisioner.Probe) {
	t.Helper()
	var refused *provisioner.HostError
	gateway, elsewhere := p, p
	gateway.Guest, elsewhere.VNI = f.network.Gateway, 998
	for name, p := range map[string]provisioner.Probe{"the gateway": gateway, "a network that is not there": elsewhere} {
		if a, err := f.driver.Probe(t.Context(), p); !errors.As(err, &refused) {
			t.Errorf("%s: %+v, %v, want a HostError", name, a, err)
		}
	}
	option, short := p, p
	option.SignIn = &provisioner.ProbeSignIn{User: "-oProxyCommand=reboot", PrivateKey: f.PrivateKey}
	short.Within = time.Millisecond
	for name, p := range map[string]provisioner.Probe{"a name that is an option": option, "no time": short, "nothing": {}} {
		if a, err := f.driver.Probe(t.Context(), p); !errors.Is(err, provisioner.ErrProbe) {
			t.Errorf("%s: %+v, %v, want ErrProbe", name, a, err)
		}
	}
}
