package jobs_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/machines"
	"volary.dev/store/people"
)

// added adds a simulated host that nobody has enrolled.
func added(t *testing.T, b *loopstest.Bench, provider, pool uuid.UUID, name string, port int) machines.Host {
	t.Helper()
	id, err := b.DB.Machines.AddHost(t.Context(), uuid.Nil, provider, pool, machines.NewHost{
		Name: name, Address: provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: name, Port: port}, Underlay: netip.MustParseAddr("192.0.2.44"),
	})
	loopstest.NoError(t, err)
	return read(t, b, id)
}

func read(t *testing.T, b *loopstest.Bench, id uuid.UUID) machines.Host {
	t.Helper()
	h, err := b.DB.Machines.HostForWorker(t.Context(), id)
	loopstest.NoError(t, err)
	return h
}

// Nothing is made on a machine before its own hook reports the code; then everything goes on by itself.
func TestAHostWaitsForItsCode(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Queue(t, "one")
	h := added(t, b, b.Provider, b.PoolID, "host-4", 0)
	machine := b.Host(4)
	for _, c := range []struct {
		change func()
		says   string
	}{
		{func() {}, "reports no code"},
		{func() { machine.SetHook(provisioner.HookNone) }, "nothing by which a hook could be asked"},
		{func() { machine.SetHook(provisioner.HookSilent) }, "does not answer"},
		{func() { machine.SetHook(provisioner.HookOlder) }, "older version"},
		{func() { machine.SetUnreachable(true) }, "could not be asked"},
		{func() {
			machine.SetUnreachable(false)
			machine.SetHook(provisioner.HookAnswers)
			machine.Enrol("ANOTHERCODEANOTHERCODEANOT")
		}, "another code"},
	} {
		c.change()
		waittest.Until(t, c.says, func() bool { return strings.Contains(read(t, b, h.ID).CodeSeen, c.says) })
		if machine.Touched() {
			t.Fatalf("something was made on a machine that is not enrolled: %s", c.says)
		}
	}
	machine.Enrol(h.Code)
	if done := b.UntilChecked(t, h.ID); done.CheckState != "passed" || done.EnrolledAt == nil || done.Address.Machine != machine.Machine() {
		t.Errorf("after its code was written down: %+v", done)
	}
}

// South gives North's host as its own, by another name and by an explicit port: no guest boots there for South, though its own
// code were written there.
func TestAnothersMachineIsRefusedBeforeAGuestBoots(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	southern, err := b.DB.People.CreateProvider(t.Context(), uuid.Nil, people.NewProvider{Name: "South", Currency: "EUR", AccountingZone: "Europe/Paris"})
	loopstest.NoError(t, err)
	pool, err := b.DB.Machines.CreatePool(t.Context(), uuid.Nil, southern, machines.NewPool{
		Name: "main", Prefix: netip.MustParsePrefix("10.64.0.0/12"), Underlay: netip.MustParsePrefix("192.0.2.0/24"),
	})
	loopstest.NoError(t, err)
	b.Queue(t, "one")
	for _, port := range []int{0, 22} {
		other := provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "alias", Port: port}
		b.Simulated.Alias(other, provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"})
		h := added(t, b, southern, pool, "alias", port)
		waittest.Until(t, "its hook was asked", func() bool { return read(t, b, h.ID).CodeSeen != "" })
		b.Host(1).Enrol(h.Code)
		waittest.Until(t, "the refusal", func() bool { return strings.Contains(read(t, b, h.ID).CodeSeen, "is another host already") })
		if got := read(t, b, h.ID); got.EnrolledAt != nil || got.CheckState != "waiting" || strings.Contains(got.CodeSeen, "host-1") || b.Host(1).Touched() {
			t.Errorf("%+v", got)
		}
		loopstest.NoError(t, b.DB.Machines.RemoveHost(t.Context(), uuid.Nil, southern, h.ID))
	}
}

// Another machine at the address of an enrolled host gets nothing started and nothing deleted, is named on the host's page and
// in the log, and a new code lets it in.
func TestAMachineThatWasSwappedLater(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]provisioner.Machine{"uuid": {UUID: uuid.New()}, "key": {Key: uuid.New()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := loopstest.NewBench(t)
			b.Worker(t, "one")
			waittest.Until(t, "a round", func() bool { return read(t, b, b.Hosts[0]).RoundAt != nil })
			was := b.Host(1).Machine()
			b.Host(1).Swap(other)
			waittest.Until(t, "the finding", func() bool { h := read(t, b, b.Hosts[0]); return h.Mistaken != "" && !h.Fit })
			var noted int
			loopstest.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE verb = 'notice another machine' AND subject_id = $1`, b.Hosts[0]).Scan(&noted))
			if noted != 1 {
				t.Errorf("%d lines in the log", noted)
			}
			id := b.Launch(t, "elsewhere", 3)
			c := b.UntilState(t, id, provisioner.ClusterReady)
			if slices.ContainsFunc(c.NodeRows, func(n machines.NodeRow) bool { return n.HostName == "host-1" }) || b.Host(1).Touched() {
				t.Errorf("a node was placed on another machine: %+v", c.NodeRows)
			}
			b.Host(1).Swap(was)
			waittest.Until(t, "its own machine again", func() bool { return read(t, b, b.Hosts[0]).Fit })

			b.Host(1).Swap(other)
			waittest.Until(t, "the finding again", func() bool { return read(t, b, b.Hosts[0]).Mistaken != "" })
			loopstest.NoError(t, b.DB.Machines.RenewHostCode(t.Context(), uuid.Nil, b.Provider, b.Hosts[0]))
			b.Host(1).Enrol(read(t, b, b.Hosts[0]).Code)
			b.Queue(t, "one")
			if h := b.UntilChecked(t, b.Hosts[0]); h.CheckState != "passed" || h.Mistaken != "" || h.Address.Machine != b.Host(1).Machine() {
				t.Errorf("enrolled anew: %+v", h)
			}
		})
	}
}

// The check of a pool's first host has nobody to ask; the second's looks at both.
func TestTheSecondHostProvesTheFirst(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Exec(t, `UPDATE hosts SET removed_at = now() WHERE id <> $1`, b.Hosts[0])
	loopstest.NoError(t, b.DB.Machines.CheckHost(t.Context(), uuid.Nil, b.Provider, b.Hosts[0]))
	b.Queue(t, "one")
	first := b.UntilChecked(t, b.Hosts[0])
	if last := first.CheckReport[len(first.CheckReport)-1]; last.State != provisioner.CheckSkipped {
		t.Fatalf("the first host alone: %+v", last)
	}
	h := added(t, b, b.Provider, b.PoolID, "host-4", 0)
	b.Host(4).Enrol(h.Code)
	b.UntilChecked(t, h.ID)
	first = read(t, b, b.Hosts[0])
	if last := first.CheckReport[len(first.CheckReport)-1]; last.State != provisioner.CheckPassed || !strings.Contains(last.Detail, "host-4") {
		t.Errorf("the first host after the second came: %+v", last)
	}
}
