package machines_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// addTo adds a host that nobody has enrolled.
func addTo(t *testing.T, w *storetest.World, provider, pool uuid.UUID, name string, a provisioner.HostAddress) machines.Host {
	t.Helper()
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.AddHost(t.Context(), uuid.Nil, provider, pool, machines.NewHost{Name: name, Address: a, Underlay: netip.MustParseAddr("192.0.2.77")}))
	return storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), id))
}

// south is another provider with a pool.
func south(t *testing.T, w *storetest.World) (provider, pool uuid.UUID) {
	t.Helper()
	provider = storetest.Must[uuid.UUID](t)(w.DB.People.CreateProvider(t.Context(), uuid.Nil, people.NewProvider{Name: "South", Currency: "EUR", AccountingZone: "Europe/Paris"}))
	return provider, storetest.Must[uuid.UUID](t)(w.DB.Machines.CreatePool(t.Context(), uuid.Nil, provider, machines.NewPool{
		Name: "main", Prefix: netip.MustParsePrefix("10.64.0.0/12"), Underlay: netip.MustParsePrefix("192.0.2.0/24"),
	}))
}

// The machine of an enrolled host is refused as another host, whoever adds it and under whatever address, and nothing is told
// of another provider.
func TestTheSameMachineIsEnrolledOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	southern, pool := south(t, w)
	first := storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), w.Hosts[0]))
	for i, c := range []struct {
		provider, pool uuid.UUID
		address        provisioner.HostAddress
		says           string
	}{
		{w.Provider, w.PoolID, provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "other-name"}, "This machine is host-1 already"},
		{w.Provider, w.PoolID, provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1", Port: 22}, "This machine is host-1 already"},
		{southern, pool, provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"}, "This machine is another host already"},
		{southern, pool, provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "2001:db8::1"}, "This machine is another host already"},
	} {
		h := addTo(t, w, c.provider, c.pool, strings.Repeat("x", i+1), c.address)
		// As if root of that machine had pasted this host's line: by its key alone, and by its libvirt's UUID alone.
		for _, m := range []provisioner.Machine{{UUID: uuid.New(), Key: first.Address.Machine.Key}, {UUID: first.Address.Machine.UUID, Key: uuid.New()}} {
			step, err := w.DB.Machines.EnrolHost(t.Context(), h.ID, provisioner.Enrolment{Machine: m, Hook: provisioner.HookAnswers, Code: provisioner.CodeHash(h.Code)})
			storetest.NoError(t, err)
			after := storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), h.ID))
			if step != machines.EnrolmentWaits || after.EnrolledAt != nil || after.Fit || !strings.Contains(after.CodeSeen, c.says) ||
				c.provider == southern && strings.Contains(after.CodeSeen, "host-1") {
				t.Errorf("%v: %s, %+v", c.address, step, after)
			}
		}
	}
	// Once its provider has removed it, another may have it.
	h := addTo(t, w, southern, pool, "bought", provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "bought"})
	storetest.NoError(t, w.DB.Machines.RemoveHost(t.Context(), uuid.Nil, w.Provider, first.ID))
	step, err := w.DB.Machines.EnrolHost(t.Context(), h.ID, provisioner.Enrolment{Machine: first.Address.Machine, Hook: provisioner.HookAnswers, Code: provisioner.CodeHash(h.Code)})
	if err != nil || step != machines.EnrolmentDone {
		t.Errorf("a machine that was given away: %s, %v", step, err)
	}
}

func TestWhatStandsInACodesPlace(t *testing.T) {
	w := storetest.NewWorld(t)
	a := addTo(t, w, w.Provider, w.PoolID, "a", provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: "a.example.org"})
	b := addTo(t, w, w.Provider, w.PoolID, "b", provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: "b.example.org"})
	southern, pool := south(t, w)
	theirs := addTo(t, w, southern, pool, "secret-name", a.Address)
	machine := provisioner.Machine{UUID: uuid.New(), Key: uuid.New()}
	for says, e := range map[string]provisioner.Enrolment{
		"nothing by which a hook could be asked": {Hook: provisioner.HookNone},
		"does not answer":                        {Hook: provisioner.HookSilent},
		"of an older version":                    {Hook: provisioner.HookOlder},
		"reports no code":                        {Hook: provisioner.HookAnswers, Machine: machine},
		"reports the code of b":                  {Hook: provisioner.HookAnswers, Machine: machine, Code: provisioner.CodeHash(b.Code)},
		"reports another code":                   {Hook: provisioner.HookAnswers, Machine: machine, Code: provisioner.CodeHash(theirs.Code)},
	} {
		step, err := w.DB.Machines.EnrolHost(t.Context(), a.ID, e)
		storetest.NoError(t, err)
		h := storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), a.ID))
		if step != machines.EnrolmentWaits || h.EnrolledAt != nil || !strings.Contains(h.CodeSeen, says) || strings.Contains(h.CodeSeen, "secret-name") {
			t.Errorf("%+v: %s, %q, want %q", e, step, h.CodeSeen, says)
		}
	}
	// A code ends: nothing is enrolled by it, and the host takes a new one.
	w.Exec(t, `UPDATE hosts SET enrol_until = now() - interval '1 second' WHERE id = $1`, a.ID)
	right := provisioner.Enrolment{Hook: provisioner.HookAnswers, Machine: machine, Code: provisioner.CodeHash(a.Code)}
	step, err := w.DB.Machines.EnrolHost(t.Context(), a.ID, right)
	storetest.NoError(t, err)
	h := storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), a.ID))
	if step != machines.EnrolmentForgone || h.EnrolledAt != nil || h.Code != "" || h.CheckState != "none" {
		t.Errorf("an ended code: %s, %+v", step, h)
	}
	storetest.WantRefusal(t, w.DB.Machines.CheckHost(t.Context(), uuid.Nil, w.Provider, a.ID), "host_unenrolled")
	storetest.NoError(t, w.DB.Machines.RenewHostCode(t.Context(), uuid.Nil, w.Provider, a.ID))
	storetest.Enrol(t, w.DB, a.ID)
	storetest.WantRefusal(t, w.DB.Machines.RenewHostCode(t.Context(), uuid.Nil, w.Provider, a.ID), "host_enrolled")
}

// Spellings of one address are one address, of one provider's hosts; another's row keeps nobody from his own machine.
func TestSpellingsOfAnAddress(t *testing.T) {
	w := storetest.NewWorld(t)
	southern, pool := south(t, w)
	for _, same := range [][]provisioner.HostAddress{
		{{Scheme: provisioner.SchemeSSH, Name: "h.example.org"}, {Scheme: provisioner.SchemeSSH, Name: "H.Example.ORG."}, {Scheme: provisioner.SchemeSSH, Name: " h.example.org", Port: 22}},
		{{Scheme: provisioner.SchemeTLS, Name: "192.0.2.200"}, {Scheme: provisioner.SchemeTLS, Name: "::ffff:192.0.2.200", Port: 16514}},
		{{Scheme: provisioner.SchemeTCP, Name: "2001:db8::1"}, {Scheme: provisioner.SchemeTCP, Name: "2001:0DB8:0:0::0001", Port: 16509}},
	} {
		addTo(t, w, w.Provider, w.PoolID, "first "+same[0].Name, same[0])
		for _, a := range same[1:] {
			_, err := w.DB.Machines.AddHost(t.Context(), uuid.Nil, w.Provider, w.PoolID, machines.NewHost{Name: "again", Address: a, Underlay: netip.MustParseAddr("192.0.2.78")})
			storetest.WantRefusal(t, err, "duplicate")
		}
		addTo(t, w, southern, pool, "theirs "+same[0].Name, same[1])
	}
	for _, bad := range []string{"fe80::1%eth0", "fe80::1%25eth0", "0x7f.1", "127.1", "2130706433", "010.0.0.1", "host.0x7f000001"} {
		_, err := w.DB.Machines.AddHost(t.Context(), uuid.Nil, w.Provider, w.PoolID, machines.NewHost{
			Name: "bad", Address: provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: bad}, Underlay: netip.MustParseAddr("192.0.2.78"),
		})
		storetest.WantRefusal(t, err, "invalid")
	}
}

// Hosts of before are known by the key that their hook first reports; two with one key take no nodes, without a word of whom.
func TestKeysOfHostsThatWereThereBefore(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `UPDATE hosts SET machine_key = NULL, claimed_by = 'one', claimed_until = now() + interval '1 minute', missed_rounds = 0`)
	round := func(host uuid.UUID, key uuid.UUID) machines.Host {
		t.Helper()
		at, err := w.DB.Machines.StartRound(t.Context(), host)
		storetest.NoError(t, err)
		mine, err := w.DB.Machines.RecordRound(t.Context(), host, "one", at, provisioner.Observation{Machine: provisioner.Machine{Key: key}})
		if err != nil || !mine {
			t.Fatalf("round: %t, %v", mine, err)
		}
		return storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), host))
	}
	key := uuid.New()
	if h := round(w.Hosts[0], uuid.Nil); !h.Fit || h.Address.Machine.Key != uuid.Nil {
		t.Errorf("an older hook: %+v", h)
	}
	if h := round(w.Hosts[0], key); !h.Fit || h.Address.Machine.Key != key {
		t.Errorf("the first key: %+v", h)
	}
	twin := round(w.Hosts[1], key)
	first := round(w.Hosts[0], key)
	for _, h := range []machines.Host{twin, first} {
		if h.Fit || !strings.Contains(h.WhyUnfit(), "another host already") || strings.Contains(h.WhyUnfit(), "host-") {
			t.Errorf("%s, one of two with the same key: fit %t, %q", h.Name, h.Fit, h.WhyUnfit())
		}
	}
	w.Exec(t, `UPDATE hosts SET removed_at = now() WHERE id = $1`, w.Hosts[0])
	if h := round(w.Hosts[1], key); !h.Fit || h.Address.Machine.Key != key {
		t.Errorf("the one that is left: %+v", h)
	}
}

// A pair's finding takes the place of what the other host's check had to skip, whichever of them ends first.
func TestAPairsFindingProvesBoth(t *testing.T) {
	skipped := []provisioner.HostCheck{{Name: machines.OverlayCheck, State: provisioner.CheckSkipped, Detail: "no other host"}}
	for name, passed := range map[string]bool{"reached": true, "apart": false} {
		w := storetest.NewWorld(t)
		pair := func(other int) machines.HostPair {
			p := machines.HostPair{Passed: passed, Why: "no packet"}
			p.Host = storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), w.Hosts[2]))
			p.Other = storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), w.Hosts[other]))
			return p
		}
		done := func(n int) {
			storetest.NoError(t, w.DB.Machines.HostCheckDone(t.Context(), w.Hosts[n], provisioner.HostFacts{}, provisioner.AccelerationTCG, skipped, true))
		}
		done(0)
		storetest.NoError(t, w.DB.Machines.HostPairFound(t.Context(), pair(0)))
		storetest.NoError(t, w.DB.Machines.HostPairFound(t.Context(), pair(1)))
		done(1)
		state, part := "passed", provisioner.CheckPassed
		if !passed {
			state, part = "failed", provisioner.CheckFailed
		}
		for n := range 2 {
			h := storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), w.Hosts[n]))
			if h.CheckState != state || h.CheckReport[0].State != part || !strings.Contains(h.CheckReport[0].Detail, "host-3") || !h.Fit {
				t.Errorf("%s, %s: %s %+v, fit %t", name, h.Name, h.CheckState, h.CheckReport, h.Fit)
			}
		}
	}
}

// TestAFormsCodeIsItsOwn: it is nobody else's, not of another provider, not older than a day, and of one waiting host.
func TestAFormsCodeIsItsOwn(t *testing.T) {
	w := storetest.NewWorld(t)
	add := func(by uuid.UUID, name string, form uuid.UUID) string {
		t.Helper()
		a := provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: name + ".example"}
		id := storetest.Must[uuid.UUID](t)(w.DB.Machines.AddHost(t.Context(), by, w.Provider, w.PoolID, machines.NewHost{Name: name, Address: a, Underlay: netip.MustParseAddr("192.0.2.77"), Form: form}))
		return storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), id)).Code
	}
	form := uuid.Must(uuid.NewV7())
	want := provisioner.FormCode(w.Person, w.Provider, form)
	if got := add(w.Person, "first", form); got != want || len(got) != 26 {
		t.Errorf("the form's host waits for %s, want %s", got, want)
	}
	old := uuid.Must(uuid.NewV7())
	for i, at := 0, time.Now().Add(-25*time.Hour).UnixMilli(); i < 6; i++ {
		old[i] = byte(at >> (40 - 8*i))
	}
	for name, c := range map[string]struct {
		by, form uuid.UUID
	}{"second": {w.Person, form}, "nobody's": {uuid.Nil, form}, "old": {w.Person, old}, "random": {w.Person, uuid.New()}} {
		code := add(c.by, strings.ReplaceAll(name, "'", ""), c.form)
		if code == provisioner.FormCode(w.Person, w.Provider, c.form) || len(code) != 26 {
			t.Errorf("%s: the form's code is taken", name)
		}
	}
	if provisioner.FormCode(w.Person, w.Provider, form) == provisioner.FormCode(w.Person, w.Organization, form) {
		t.Error("two providers have one code")
	}
}
