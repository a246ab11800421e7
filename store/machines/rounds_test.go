package machines_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// observe records a round that began at start, of a worker who has the claim.
func observe(t *testing.T, w *storetest.World, host uuid.UUID, start time.Time, nodes ...provisioner.NodeObservation) bool {
	t.Helper()
	storetest.Must[[]machines.HostClaim](t)(w.DB.Machines.ClaimHosts(t.Context(), "test", time.Minute))
	return storetest.Must[bool](t)(w.DB.Machines.RecordRound(t.Context(), host, "test", start, provisioner.Observation{Nodes: nodes}))
}

func running(id uuid.UUID) provisioner.NodeObservation {
	return provisioner.NodeObservation{ID: id, State: provisioner.MachineRunning, StartID: storetest.StartID(id)}
}

// readyCluster is a cluster of a head alone.
func readyCluster(t *testing.T, w *storetest.World) (id uuid.UUID, n machines.NodeWork) {
	t.Helper()
	id = w.Launch(t, "trial-1", 0)
	w.Ready(t, id)
	return id, work(t, w, id).Nodes[0]
}

// after is the moment of so many seconds after the newest cluster became ready; a host's rounds may be stamped with any
// time, so that nobody has to wait for it.
func after(t *testing.T, w *storetest.World, seconds int) (moment time.Time) {
	t.Helper()
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT max(ready_at) + make_interval(secs => $1) FROM clusters`, seconds).Scan(&moment))
	return moment
}

func node(t *testing.T, w *storetest.World, id uuid.UUID) machines.NodeRow {
	t.Helper()
	return storetest.Cluster(t, w, id).NodeRows[0]
}

func TestRoundsProveLife(t *testing.T) {
	w := storetest.NewWorld(t)
	id, n := readyCluster(t, w)
	start := after(t, w, 5)
	if !observe(t, w, n.Host.ID, start, running(n.ID)) {
		t.Fatal("the round does not count")
	}
	d := storetest.Cluster(t, w, id)
	if seen := d.NodeRows[0].SeenAt; seen == nil || !seen.Equal(start.Truncate(time.Microsecond)) {
		t.Errorf("seen at %v, the round began at %v", seen, start)
	}
	if d.Used < 4*1000 || d.Used > 5*1000 || d.Held != billing.ComputeHour-d.Used {
		t.Errorf("used %d, held %d", d.Used, d.Held)
	}
	if observe(t, w, n.Host.ID, start.Add(-time.Second), running(n.ID)) {
		t.Error("a round before the last one counts")
	}
	if storetest.Must[bool](t)(w.DB.Machines.RecordRound(t.Context(), n.Host.ID, "another", after(t, w, 10), provisioner.Observation{})) {
		t.Error("the round of a worker without the claim counts")
	}
	if got := node(t, w, id).State; got != provisioner.NodeReady {
		t.Errorf("node is %s", got)
	}
}

func TestAMachineThatGoesOff(t *testing.T) {
	off := func(cold bool) []provisioner.NodeObservation {
		return []provisioner.NodeObservation{{State: provisioner.MachineOff, Cold: cold}}
	}
	silent := func(t *testing.T, w *storetest.World, host uuid.UUID) {
		storetest.NoError(t, w.DB.Machines.RecordMissedRound(t.Context(), host, "test", "timeout"))
	}
	unasked := func(t *testing.T, w *storetest.World, host uuid.UUID) {
		w.Exec(t, `UPDATE hosts SET round_at = round_at - interval '1 hour' WHERE id = $1`, host)
	}
	for _, c := range []struct {
		name   string
		before func(*testing.T, *storetest.World, uuid.UUID)
		seen   []provisioner.NodeObservation
		want   provisioner.Reason
	}{
		{"powered off", nil, off(false), provisioner.ReasonGuestOff},
		{"crashed", nil, []provisioner.NodeObservation{{State: provisioner.MachineCrashed}}, provisioner.ReasonGuestOff},
		{"no longer there", nil, nil, provisioner.ReasonGuestOff},
		{"host started while silent", silent, off(true), provisioner.ReasonHostRestarted},
		{"host started while nobody looked", unasked, off(true), provisioner.ReasonHostRestarted},
		{"host laid anew while silent", silent, nil, provisioner.ReasonHostRestarted},
		{"powered off while the host was silent", silent, off(false), provisioner.ReasonGuestOff},
		{"powered off while nobody looked", unasked, off(false), provisioner.ReasonGuestOff},
		{"host started between two rounds", nil, off(true), provisioner.ReasonHostRestarted},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := storetest.NewWorld(t)
			id, n := readyCluster(t, w)
			observe(t, w, n.Host.ID, after(t, w, 5), running(n.ID))
			if c.before != nil {
				c.before(t, w, n.Host.ID)
			}
			var seen []provisioner.NodeObservation
			for _, o := range c.seen {
				o.ID = n.ID
				seen = append(seen, o)
			}
			used := storetest.Cluster(t, w, id).Used
			observe(t, w, n.Host.ID, after(t, w, 10), seen...)
			d := storetest.Cluster(t, w, id)
			if d.State != provisioner.ClusterStopped || d.Reason != c.want || d.NodeRows[0].Reason != c.want {
				t.Errorf("cluster is %s for %q, its node for %q", d.State, d.Reason, d.NodeRows[0].Reason)
			}
			if d.Held != 0 || d.Used != used || left(t, w) != 100*billing.ComputeHour-used {
				t.Errorf("held %d, used %d and %d before, left %d", d.Held, d.Used, used, left(t, w))
			}
			storetest.NoError(t, w.DB.Machines.StartCluster(t.Context(), w.Organization, w.Person, id, 3600))
		})
	}
}

func TestPartOfAClusterGoesOff(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "trial-1", 1)
	w.Ready(t, id)
	nodes := work(t, w, id).Nodes
	observe(t, w, nodes[1].Host.ID, after(t, w, 5), provisioner.NodeObservation{ID: nodes[1].ID, State: provisioner.MachineOff})
	d := storetest.Cluster(t, w, id)
	if d.State != provisioner.ClusterDegraded || d.Held == 0 || d.Desired != provisioner.DesiredRunning {
		t.Errorf("cluster is %s, held %d", d.State, d.Held)
	}
	storetest.NoError(t, w.DB.Machines.StopCluster(t.Context(), w.Organization, w.Person, id))
	stopped(t, w, id)
	if d := storetest.Cluster(t, w, id); d.State != provisioner.ClusterStopped || d.Held != 0 {
		t.Errorf("cluster is %s, held %d", d.State, d.Held)
	}
}

func TestASilentHost(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id, n := readyCluster(t, w)
	observe(t, w, n.Host.ID, after(t, w, 5), running(n.ID))
	used := storetest.Cluster(t, w, id).Used
	for i := range 3 {
		if got := node(t, w, id).State; got != provisioner.NodeReady {
			t.Errorf("after %d missed rounds the node is %s", i, got)
		}
		storetest.NoError(t, w.DB.Machines.RecordMissedRound(ctx, n.Host.ID, "test", "no route to host"))
		if h := storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(ctx, n.Host.ID)); i < 2 && (h.Seen != provisioner.HostLate || !h.Fit) {
			t.Errorf("after %d missed rounds, a short silence: %+v", i+1, h)
		}
	}
	silences := storetest.Must[[]machines.HostSilence](t)(w.DB.Machines.HostSilences(ctx, w.Provider, n.Host.ID, 5))
	if len(silences) != 1 || silences[0].Rounds != 3 || silences[0].UntilAt != nil || silences[0].Why != "no route to host" {
		t.Errorf("silences %+v", silences)
	}
	host := storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(ctx, n.Host.ID))
	if host.State != provisioner.HostActive || host.Seen != provisioner.HostSilent || host.Fit || host.WhyUnfit() != "does not answer: it missed its last 3 rounds" {
		t.Errorf("host %+v", host)
	}
	d := storetest.Cluster(t, w, id)
	if row := d.NodeRows[0]; row.State != provisioner.NodeLost || row.Reason != provisioner.ReasonHostLost || row.ReasonDetail != "no route to host" || d.Used != used {
		t.Errorf("node %+v; used %d and %d before", row, d.Used, used)
	}
	wantOpenRuns(t, w, 0)

	observe(t, w, n.Host.ID, after(t, w, 10), running(n.ID))
	host = storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(ctx, n.Host.ID))
	if host.Seen != provisioner.HostUp || !host.Fit || node(t, w, id).State != provisioner.NodeReady {
		t.Errorf("host %+v, node %+v", host, node(t, w, id))
	}
	wantOpenRuns(t, w, 1)
	if silences = storetest.Must[[]machines.HostSilence](t)(w.DB.Machines.HostSilences(ctx, w.Provider, n.Host.ID, 5)); len(silences) != 1 || silences[0].UntilAt == nil {
		t.Errorf("silences after it answered: %+v", silences)
	}
}

// TestWhatAHostLacks takes it out of placement, of what is offered and of what is used, until a round finds it again.
func TestWhatAHostLacks(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	w.Ready(t, w.Launch(t, "trial-1", 5))
	sums := func() (active, vcpus, used int) {
		p := storetest.Must[machines.PoolRow](t)(w.DB.Machines.ProviderPool(ctx, w.Provider, w.PoolID))
		return p.ActiveHosts, p.VCPUs, p.ClusterVCPUs
	}
	active, vcpus, used := sums()
	storetest.Must[[]machines.HostClaim](t)(w.DB.Machines.ClaimHosts(ctx, "test", time.Minute))
	lacking := provisioner.Observation{Lacks: "the storage pool volary is not active"}
	for _, n := range work(t, w, storetest.Must[[]machines.ClusterRow](t)(w.DB.Machines.Clusters(ctx, w.Organization, machines.ClusterFilter{}))[0].ID).Nodes {
		if n.Host.ID == w.Hosts[0] {
			lacking.Nodes = append(lacking.Nodes, running(n.ID))
		}
	}
	storetest.Must[bool](t)(w.DB.Machines.RecordRound(ctx, w.Hosts[0], "test", after(t, w, 5), lacking))
	if h := storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, w.Hosts[0])); h.Fit || h.WhyUnfit() != lacking.Lacks || h.Seen != provisioner.HostUp {
		t.Errorf("host %+v", h)
	}
	if a, v, u := sums(); a != active-1 || v != vcpus-8 || u != used-len(lacking.Nodes) {
		t.Errorf("of %d hosts with %d vCPUs, %d used, are left %d, %d and %d", active, vcpus, used, a, v, u)
	}
	for _, n := range work(t, w, w.Launch(t, "trial-2", 3)).Nodes {
		if n.Host.ID == w.Hosts[0] {
			t.Errorf("%s was placed on a host that lacks a pool", n.Name)
		}
	}
	lacking.Lacks = ""
	storetest.Must[bool](t)(w.DB.Machines.RecordRound(ctx, w.Hosts[0], "test", after(t, w, 10), lacking))
	if a, v, u := sums(); a != active || v != vcpus || u < used {
		t.Errorf("after it was mended: %d hosts, %d vCPUs, %d used", a, v, u)
	}
}

func wantOpenRuns(t *testing.T, w *storetest.World, want int) {
	t.Helper()
	var n int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM runs WHERE closed_at IS NULL`).Scan(&n))
	if n != want {
		t.Errorf("%d open runs, want %d", n, want)
	}
}

// A cordoned host that stops answering stays cordoned: what staff chose is not forgotten when it comes back.
func TestASilentCordonedHost(t *testing.T) {
	w := storetest.NewWorld(t)
	id, n := readyCluster(t, w)
	observe(t, w, n.Host.ID, after(t, w, 5), running(n.ID))
	w.Exec(t, `UPDATE hosts SET state = 'cordoned' WHERE id = $1`, n.Host.ID)
	for range 3 {
		storetest.NoError(t, w.DB.Machines.RecordMissedRound(t.Context(), n.Host.ID, "test", ""))
	}
	if host := storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), n.Host.ID)); host.State != provisioner.HostCordoned || node(t, w, id).State != provisioner.NodeLost {
		t.Errorf("host %+v, node %+v", host, node(t, w, id))
	}
}

// Somebody started the machine anew behind our back: no gate vouches for it, so nobody pays for it.
func TestAMachineStartedAnew(t *testing.T) {
	w := storetest.NewWorld(t)
	id, n := readyCluster(t, w)
	observe(t, w, n.Host.ID, after(t, w, 5), running(n.ID))
	other := running(n.ID)
	other.StartID = "another"
	observe(t, w, n.Host.ID, after(t, w, 10), other)
	if row := node(t, w, id); row.State != provisioner.NodeLost || row.Reason != provisioner.ReasonStartedAnew {
		t.Errorf("node %+v", row)
	}
	wantOpenRuns(t, w, 0)
	observe(t, w, n.Host.ID, after(t, w, 15), other)
	wantOpenRuns(t, w, 0)
}

// Metering goes on while a stop is under way, to the last proof of life.
func TestStoppingNodesAreStillProven(t *testing.T) {
	w := storetest.NewWorld(t)
	id, n := readyCluster(t, w)
	storetest.NoError(t, w.DB.Machines.StopCluster(t.Context(), w.Organization, w.Person, id))
	observe(t, w, n.Host.ID, after(t, w, 5), running(n.ID))
	if used := storetest.Cluster(t, w, id).Used; used < 4*1000 {
		t.Errorf("used %d", used)
	}
	observe(t, w, n.Host.ID, after(t, w, 10), provisioner.NodeObservation{ID: n.ID, State: provisioner.MachineOff})
	if row := node(t, w, id); row.State != provisioner.NodeStopping {
		t.Errorf("node %+v: the reconciler says when it has stopped", row)
	}
	stopped(t, w, id)
}

func TestClaimHosts(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	first := storetest.Must[[]machines.HostClaim](t)(w.DB.Machines.ClaimHosts(ctx, "w1", time.Minute))
	if len(first) != 3 || first[0].Address.Scheme != provisioner.SchemeMemory {
		t.Errorf("claimed %+v", first)
	}
	if other := storetest.Must[[]machines.HostClaim](t)(w.DB.Machines.ClaimHosts(ctx, "w2", time.Minute)); len(other) != 0 {
		t.Errorf("another worker claimed %+v", other)
	}
	if again := storetest.Must[[]machines.HostClaim](t)(w.DB.Machines.ClaimHosts(ctx, "w1", time.Nanosecond)); len(again) != 3 {
		t.Errorf("kept %+v", again)
	}
	if other := storetest.Must[[]machines.HostClaim](t)(w.DB.Machines.ClaimHosts(ctx, "w2", time.Minute)); len(other) != 3 {
		t.Errorf("another worker took over %+v", other)
	}
	storetest.WantRefusal(t, second(w.DB.Machines.RecordRound(ctx, uuid.New(), "w2", time.Now(), provisioner.Observation{})), "not_found")
	storetest.NoError(t, w.DB.Machines.RecordMissedRound(ctx, w.Hosts[0], "w1", "has lost its claim"))
	if h := storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(ctx, w.Hosts[0])); h.MissedRounds != 0 {
		t.Errorf("host %+v", h)
	}
}

// A slow answer may be from before the machine was started: it says nothing about it.
func TestAnAnswerFromBeforeTheStart(t *testing.T) {
	w := storetest.NewWorld(t)
	early := storetest.Must[time.Time](t)(w.DB.Machines.StartRound(t.Context(), w.Hosts[0]))
	id, n := readyCluster(t, w)
	observe(t, w, n.Host.ID, early)
	if row := node(t, w, id); row.State != provisioner.NodeReady {
		t.Errorf("node %+v", row)
	}
	wantOpenRuns(t, w, 1)
}
