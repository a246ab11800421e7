package machines_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// pausedCluster is a cluster of a head that was seen to live for five seconds, and stands since.
func pausedCluster(t *testing.T, w *storetest.World) (id uuid.UUID, n machines.NodeWork) {
	t.Helper()
	id, n = readyCluster(t, w)
	observe(t, w, n.Host.ID, after(t, w, 5), running(n.ID))
	storetest.NoError(t, w.DB.Machines.PauseCluster(t.Context(), w.Person, w.Provider, id, "it attacks others"))
	stands(t, w, id)
	return id, n
}

// stands is what the worker writes down of machines that it suspended.
func stands(t *testing.T, w *storetest.World, id uuid.UUID) {
	t.Helper()
	c := work(t, w, id)
	var nodes []uuid.UUID
	for _, n := range c.Nodes {
		nodes = append(nodes, n.ID)
	}
	storetest.NoError(t, w.DB.Machines.MarkNodesPaused(t.Context(), id, c.Generation, nodes))
	reached(t, w, id)
}

// reached is what the worker writes down when all is as wanted.
func reached(t *testing.T, w *storetest.World, id uuid.UUID) {
	t.Helper()
	w.Exec(t, `UPDATE clusters SET reconciled_generation = generation WHERE id = $1`, id)
}

func in(n machines.NodeWork, s provisioner.MachineState, why string) provisioner.NodeObservation {
	o := running(n.ID)
	o.State, o.Why = s, why
	return o
}

// Staff pause what runs on their hosts, under the role of web: nothing is billed from then on, whatever hosts say, what is
// set aside stays, and when it goes on its lease ends later by as much.
func TestPauseCluster(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	web := storetest.OpenAs(t, w.Pool, store.RoleWeb)
	id, n := readyCluster(t, w)
	observe(t, w, n.Host.ID, after(t, w, 5), running(n.ID))
	before := storetest.Cluster(t, w, id)
	for _, reason := range []string{"no", "line\nbreak", strings.Repeat("x", 501), " blanks "} {
		storetest.WantRefusal(t, web.Machines.PauseCluster(ctx, w.Person, w.Provider, id, reason), "invalid")
	}
	storetest.WantRefusal(t, web.Machines.PauseCluster(ctx, w.Person, uuid.New(), id, "it attacks others"), "not_found")
	storetest.WantRefusal(t, web.Machines.ResumeCluster(ctx, w.Person, w.Provider, id), "state")
	storetest.NoError(t, web.Machines.PauseCluster(ctx, w.Person, w.Provider, id, "it attacks others"))
	storetest.WantRefusal(t, web.Machines.PauseCluster(ctx, w.Person, w.Provider, id, "another reason"), "state")

	d := storetest.Cluster(t, w, id)
	if d.State != provisioner.ClusterPaused || d.Desired != provisioner.DesiredPaused || d.Reason != provisioner.ReasonPaused || d.ReasonDetail != "it attacks others" ||
		d.PausedWhy != "it attacks others" || d.PausedUntil.Sub(*d.PausedAt) != machines.PausedFor || d.NodeRows[0].State != provisioner.NodePausing || d.SSHPort != 0 {
		t.Errorf("paused %+v", d)
	}
	// A host that has not heard of it proves nothing, before and after the worker has closed the runs.
	observe(t, w, n.Host.ID, after(t, w, 10), running(n.ID))
	stands(t, w, id)
	observe(t, w, n.Host.ID, after(t, w, 15), in(n, provisioner.MachinePaused, ""))
	if d := storetest.Cluster(t, w, id); d.Used != before.Used || d.Held != before.Held || d.NodeRows[0].State != provisioner.NodePaused {
		t.Errorf("while it is paused used %d, held %d; before %d, %d; %+v", d.Used, d.Held, before.Used, before.Held, d.NodeRows[0])
	}
	storetest.WantRefusal(t, web.Machines.ResumeCluster(ctx, w.Person, uuid.New(), id), "not_found")
	w.Exec(t, `UPDATE clusters SET paused_at = paused_at - interval '1000.7 seconds' WHERE id = $1`, id)
	paused := *storetest.Cluster(t, w, id).PausedAt
	storetest.NoError(t, web.Machines.ResumeCluster(ctx, w.Person, w.Provider, id))
	d = storetest.Cluster(t, w, id)
	length := storetest.Must[time.Time](t)(w.DB.Core.Now(ctx)).Sub(paused)
	// Never by more than it lasted: what is used before and after it has to be within what was set aside.
	if moved := d.LeaseEndsAt.Sub(*before.LeaseEndsAt); moved < 990*time.Second || moved > length || moved%time.Second != 0 || d.PausedAt != nil || d.Desired != provisioner.DesiredRunning {
		t.Errorf("the lease ends %s later, %+v", moved, d)
	}
	observe(t, w, n.Host.ID, after(t, w, 2000), running(n.ID))
	observe(t, w, n.Host.ID, after(t, w, 2005), running(n.ID))
	d = storetest.Cluster(t, w, id)
	if d.State != provisioner.ClusterReady || d.Reason != "" || d.NodeRows[0].Reason != "" || d.Used != before.Used+5000 || d.Held != before.Held-5000 {
		t.Errorf("going on it is %s, used %d and %d before, held %d and %d", d.State, d.Used, before.Used, d.Held, before.Held)
	}
}

// Its organization changes nothing of a paused cluster and sees no console of it: each refusal says who paused it, why, and
// whom to ask.
func TestPausedRefuses(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id, n := readyCluster(t, w)
	m := w.DB.Machines
	w.Exec(t, `UPDATE providers SET support_contact = 'desk@north.example' WHERE id = $1`, w.Provider)
	v := w.Viewer(t, w.Organization)
	token := storetest.Must[string](t)(m.IssueConsoleTicket(ctx, w.Organization, v, n.ID, machines.ConsoleLine))
	early := storetest.Must[string](t)(m.IssueConsoleTicket(ctx, w.Organization, v, n.ID, machines.ConsoleLine))
	open := storetest.Must[machines.OpenConsole](t)(m.RedeemConsoleTicket(ctx, ticketOf(early, v, n.ID, machines.ConsoleLine)))
	rights := make(chan uuid.UUID, 100)
	listen, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { _ = w.DB.Core.ListenRights(listen, func(p uuid.UUID) { rights <- p }) }()
	<-rights // it listens
	storetest.NoError(t, m.PauseCluster(ctx, w.Person, w.Provider, id, "it attacks others"))
	waittest.Receive(t, "open consoles hear of it", rights)
	for name, do := range map[string]func() error{
		"start":  func() error { return m.StartCluster(ctx, w.Organization, w.Person, id, 3600) },
		"stop":   func() error { return m.StopCluster(ctx, w.Organization, w.Person, id) },
		"delete": func() error { return m.DeleteCluster(ctx, w.Organization, w.Person, id) },
		"extend": func() error { return m.ExtendLease(ctx, w.Organization, w.Person, id, 3600) },
		"console": func() error {
			_, err := m.IssueConsoleTicket(ctx, w.Organization, v, n.ID, machines.ConsoleLog)
			return err
		},
	} {
		r := storetest.WantRefusal(t, do(), "paused")
		if !strings.Contains(r.Title, "North paused this cluster: “it attacks others”") || !strings.Contains(r.Next, "desk@north.example") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := m.RedeemConsoleTicket(ctx, ticketOf(token, v, n.ID, machines.ConsoleLine)); err == nil {
		t.Error("a ticket from before the pause opens a console")
	}
	if storetest.Must[bool](t)(m.ConsoleLasts(ctx, open)) {
		t.Error("an open console outlasts the pause")
	}
	storetest.NoError(t, m.ResumeCluster(ctx, w.Person, w.Provider, id))
	if !storetest.Must[bool](t)(m.ConsoleLasts(ctx, open)) {
		t.Error("after the pause its members may not see it")
	}
	storetest.NoError(t, m.DeleteCluster(ctx, w.Organization, w.Person, id))
}

// What a host says of a node that is paused, is to be, or is to go on, and of one that stands without anyone's pause.
func TestRoundsOfWhatStands(t *testing.T) {
	paused, halted := provisioner.MachinePaused, provisioner.MachineHalted
	pause := func(w *storetest.World, id uuid.UUID) error {
		return w.DB.Machines.PauseCluster(t.Context(), w.Person, w.Provider, id, "it attacks others")
	}
	for _, c := range []struct {
		name          string
		pause, resume bool // and the worker has brought hosts to it
		cold, gone    bool
		state         provisioner.MachineState
		want          provisioner.NodeState
		reason        provisioner.Reason
		wakes         bool
	}{
		{name: "suspended by hand", state: paused, want: provisioner.NodePaused, reason: provisioner.ReasonPausedOnHost, wakes: true},
		{name: "halted by its host", state: halted, want: provisioner.NodeLost, reason: provisioner.ReasonHalted},
		{name: "paused", pause: true, state: paused, want: provisioner.NodePaused, reason: provisioner.ReasonPaused},
		{name: "paused and halted by its host", pause: true, state: halted, want: provisioner.NodePaused, reason: provisioner.ReasonPaused},
		{name: "paused and let go on by hand", pause: true, state: provisioner.MachineRunning, want: provisioner.NodePausing, reason: provisioner.ReasonPaused, wakes: true},
		{name: "paused and its host restarted", pause: true, state: provisioner.MachineOff, cold: true, want: provisioner.NodeStopped, reason: provisioner.ReasonHostRestarted},
		{name: "paused and ended by hand", pause: true, gone: true, want: provisioner.NodeStopped, reason: provisioner.ReasonGuestOff},
		{name: "gone on", pause: true, resume: true, state: provisioner.MachineRunning, want: provisioner.NodeReady},
		{name: "gone on and suspended by hand", pause: true, resume: true, state: paused, want: provisioner.NodePaused, reason: provisioner.ReasonPaused, wakes: true},
		{name: "gone on and halted by its host", pause: true, resume: true, state: halted, want: provisioner.NodeLost, reason: provisioner.ReasonHalted},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := storetest.NewWorld(t)
			id, n := readyCluster(t, w)
			observe(t, w, n.Host.ID, after(t, w, 5), running(n.ID))
			if c.pause {
				storetest.NoError(t, pause(w, id))
				stands(t, w, id)
			}
			if c.resume {
				storetest.NoError(t, w.DB.Machines.ResumeCluster(t.Context(), w.Person, w.Provider, id))
			}
			reached(t, w, id)
			used, generation := storetest.Cluster(t, w, id).Used, work(t, w, id).Generation
			o := in(n, c.state, "")
			if o.Cold = c.cold; c.state == provisioner.MachineOff {
				o.StartID = ""
			}
			seen := []provisioner.NodeObservation{o}
			if c.gone {
				seen = nil
			}
			for _, seconds := range []int{10, 15} {
				observe(t, w, n.Host.ID, after(t, w, seconds), seen...)
			}
			d := storetest.Cluster(t, w, id)
			if row := d.NodeRows[0]; row.State != c.want || row.Reason != c.reason {
				t.Errorf("node is %s for %q", row.State, row.Reason)
			}
			if woken := work(t, w, id).Generation > generation; woken != c.wakes {
				t.Errorf("woken: %t", woken)
			}
			if c.want != provisioner.NodeReady && d.Used != used {
				t.Errorf("used %d, before %d", d.Used, used)
			}
			if c.pause && !c.resume && (d.State != provisioner.ClusterPaused || d.Held == 0) {
				t.Errorf("the cluster is %s, held %d", d.State, d.Held)
			}
		})
	}
}

// A node that stood without a pause is billed again from its next proof of life.
func TestAHaltedMachineGoesOn(t *testing.T) {
	for _, state := range []provisioner.MachineState{provisioner.MachinePaused, provisioner.MachineHalted} {
		w := storetest.NewWorld(t)
		id, n := readyCluster(t, w)
		observe(t, w, n.Host.ID, after(t, w, 5), running(n.ID))
		used := storetest.Cluster(t, w, id).Used
		observe(t, w, n.Host.ID, after(t, w, 10), in(n, state, "a disk of the host is full or fails"))
		observe(t, w, n.Host.ID, after(t, w, 100), running(n.ID))
		observe(t, w, n.Host.ID, after(t, w, 105), running(n.ID))
		if d := storetest.Cluster(t, w, id); d.State != provisioner.ClusterReady || d.Used != used+5000 {
			t.Errorf("%s: the cluster is %s, used %d, before %d", state, d.State, d.Used, used)
		}
	}
}

// A pause is told of like an end, and so is going on.
func TestPauseIsTold(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	member := storetest.Member(t, w, "member@example.org")
	storetest.Member(t, w, "other@example.org")
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(ctx, w.Organization, member, storetest.OneHour(w, "one", 0)))
	storetest.NoError(t, w.DB.Machines.PauseCluster(ctx, w.Person, w.Provider, id, "unpaid power"))
	storetest.NoError(t, w.DB.Machines.ResumeCluster(ctx, w.Person, w.Provider, id))
	for _, kind := range []store.MailKind{store.MailClusterPaused, store.MailClusterResumed} {
		var to []string
		storetest.MailNotices(t, w.Pool)
		storetest.NoError(t, w.Pool.QueryRow(ctx, `
			SELECT coalesce(array_agg(to_address ORDER BY to_address), '{}') FROM mails
			WHERE kind = $1 AND data->>'cluster' = 'one' AND data->>'provider' = 'North' AND data->>'path' LIKE '%' || $2`, kind, id.String()).Scan(&to))
		if len(to) != 2 || to[0] != "ada@example.org" || to[1] != "member@example.org" {
			t.Errorf("%s to %q", kind, to)
		}
	}
	for _, verb := range []string{"pause cluster", "resume cluster"} {
		orgLog, _, orgErr := w.DB.Core.OrganizationLog(ctx, w.Organization, store.LogFilter{Verb: verb})
		log, _, err := w.DB.Core.ProviderLog(ctx, w.Provider, store.LogFilter{Verb: verb})
		if orgErr != nil || err != nil || len(orgLog) != 1 || len(log) != 1 || log[0].PersonName != "Ada" || verb == "pause cluster" && orgLog[0].Detail["reason"] != "unpaid power" {
			t.Errorf("%s: %+v, %+v, %v, %v", verb, orgLog, log, orgErr, err)
		}
	}
}

// A pause outlasts its lease's end and is ended itself after its time, as EndCluster would; staff may do so before.
func TestAPauseEndsWithItsTime(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	worker := storetest.OpenAs(t, w.Pool, store.RoleWorker)
	id, n := pausedCluster(t, w)
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now() - interval '2 days' WHERE id = $1`, id)
	w.Exec(t, `UPDATE nodes SET state = 'lost' WHERE id = $1`, n.ID)
	if changed := storetest.Must[int](t)(worker.Machines.EndLeases(ctx)); changed != 0 {
		t.Errorf("%d clusters changed while it is paused", changed)
	}
	w.Exec(t, `UPDATE clusters SET paused_until = now() WHERE id = $1`, id)
	if changed := storetest.Must[int](t)(worker.Machines.EndLeases(ctx)); changed != 1 {
		t.Errorf("%d clusters changed at its time", changed)
	}
	d := storetest.Cluster(t, w, id)
	if d.Desired != provisioner.DesiredStopped || d.Reason != provisioner.ReasonStaff || d.BarredWhy != "it attacks others" || d.PausedAt != nil || d.DisksUntil == nil {
		t.Errorf("after its time %+v", d)
	}
	stopped(t, w, id)
	if d := storetest.Cluster(t, w, id); d.Held != 0 || d.State != provisioner.ClusterStopped {
		t.Errorf("stopped it is %s, held %d", d.State, d.Held)
	}
	storetest.MailNotices(t, w.Pool)
	var mails int
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT count(*) FROM mails WHERE kind = 'cluster_ended' AND data->>'reason' = 'it attacks others'`).Scan(&mails))
	if mails != 1 {
		t.Errorf("%d mails", mails)
	}
	storetest.WantRefusal(t, w.DB.Machines.PauseCluster(ctx, w.Person, w.Provider, id, "it attacks others"), "state")

	second := w.Launch(t, "two", 0)
	w.Ready(t, second)
	head := work(t, w, second).Nodes[0]
	observe(t, w, head.Host.ID, after(t, w, 5), running(head.ID))
	used := storetest.Cluster(t, w, second).Used
	storetest.NoError(t, w.DB.Machines.PauseCluster(ctx, w.Person, w.Provider, second, "a case to keep"))
	storetest.NoError(t, w.DB.Machines.EndCluster(ctx, w.Person, w.Provider, second, "the case is kept"))
	if d := storetest.Cluster(t, w, second); d.State != provisioner.ClusterStopping || d.BarredWhy != "the case is kept" || d.PausedAt != nil {
		t.Errorf("ended out of its pause %+v", d)
	}
	// No worker had closed its runs, and its host runs it still.
	observe(t, w, head.Host.ID, after(t, w, 12), running(head.ID))
	if d := storetest.Cluster(t, w, second); d.Used != used {
		t.Errorf("used %d, before its pause %d", d.Used, used)
	}
}

// A suspended organization's stays paused and does not go on; a suspended provider still pauses and lets go on.
func TestPauseAndSuspensions(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id, _ := pausedCluster(t, w)
	storetest.NoError(t, w.DB.People.SuspendOrganization(ctx, w.Person, w.Organization, "an open invoice"))
	if d := storetest.Cluster(t, w, id); d.State != provisioner.ClusterPaused {
		t.Errorf("its organization suspended it is %s", d.State)
	}
	if r := storetest.WantRefusal(t, w.DB.Machines.ResumeCluster(ctx, w.Person, w.Provider, id), "suspended"); !strings.Contains(r.Next, "end it") {
		t.Errorf("refused with %+v", r)
	}
	storetest.NoError(t, w.DB.People.LiftOrganization(ctx, w.Person, w.Organization))
	storetest.NoError(t, w.DB.People.SuspendProvider(ctx, w.Person, w.Provider, "an open question"))
	storetest.NoError(t, w.DB.Machines.ResumeCluster(ctx, w.Person, w.Provider, id))
	storetest.NoError(t, w.DB.Machines.PauseCluster(ctx, w.Person, w.Provider, id, "it attacks others"))
}

// A launch stands with its pause: nothing more is started, its gate's time stands too, and it goes on as a launch.
func TestPauseWhileStarting(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 1)
	nodes := work(t, w, id).Nodes
	if !storetest.Must[bool](t)(w.DB.Machines.BeginNode(ctx, nodes[0].ID, nodes[0].Host.ID)) {
		t.Fatal("the head is not begun")
	}
	deadline := work(t, w, id).Batches[0].GateDeadline
	storetest.NoError(t, w.DB.Machines.PauseCluster(ctx, w.Person, w.Provider, id, "it attacks others"))
	if storetest.Must[bool](t)(w.DB.Machines.BeginNode(ctx, nodes[1].ID, nodes[1].Host.ID)) {
		t.Error("a node of a paused cluster is begun")
	}
	stands(t, w, id)
	if d := storetest.Cluster(t, w, id); d.State != provisioner.ClusterPaused || d.NodeRows[0].State != provisioner.NodePaused || d.NodeRows[1].State != provisioner.NodeReserved {
		t.Errorf("paused while starting %+v", d.NodeRows)
	}
	// Off it waits for its start; running, as a call does that a dead worker had begun, it is suspended.
	observe(t, w, nodes[0].Host.ID, time.Now().Add(time.Minute))
	if s := node(t, w, id).State; s != provisioner.NodePaused {
		t.Errorf("off it is %s", s)
	}
	observe(t, w, nodes[0].Host.ID, time.Now().Add(2*time.Minute), running(nodes[0].ID))
	if s := node(t, w, id).State; s != provisioner.NodePausing {
		t.Errorf("running it is %s", s)
	}
	w.Exec(t, `UPDATE clusters SET paused_at = paused_at - interval '1000 seconds' WHERE id = $1`, id)
	storetest.NoError(t, w.DB.Machines.ResumeCluster(ctx, w.Person, w.Provider, id))
	d := storetest.Cluster(t, w, id)
	if d.State != provisioner.ClusterStarting || d.NodeRows[0].State != provisioner.NodeStarting || d.LeaseEndsAt != nil || d.GateDeadline.Sub(*deadline) < 990*time.Second {
		t.Errorf("going on it is %s, %+v, its gate's time ends at %v and before at %v", d.State, d.NodeRows, d.GateDeadline, deadline)
	}
}

// Where every machine went off during the pause there is nothing to let go on, and what was set aside comes back.
func TestNothingIsLeftToGoOn(t *testing.T) {
	w := storetest.NewWorld(t)
	id, n := pausedCluster(t, w)
	observe(t, w, n.Host.ID, after(t, w, 10), provisioner.NodeObservation{ID: n.ID, State: provisioner.MachineOff, Cold: true})
	storetest.WantRefusal(t, w.DB.Machines.StartCluster(t.Context(), w.Organization, w.Person, id, 3600), "paused")
	storetest.NoError(t, w.DB.Machines.ResumeCluster(t.Context(), w.Person, w.Provider, id))
	stopped(t, w, id)
	if d := storetest.Cluster(t, w, id); d.State != provisioner.ClusterStopped || d.Held != 0 || d.BarredAt != nil || d.PausedAt != nil {
		t.Errorf("it is %+v", d)
	}
	storetest.NoError(t, w.DB.Machines.StartCluster(t.Context(), w.Organization, w.Person, id, 3600))
}

// A silent host keeps its nodes paused, and the room that they take is not taken for free.
func TestPausedOnASilentHost(t *testing.T) {
	w := storetest.NewWorld(t)
	id, n := pausedCluster(t, w)
	for range 5 {
		storetest.NoError(t, w.DB.Machines.RecordMissedRound(t.Context(), n.Host.ID, "test", "timeout"))
	}
	if d := storetest.Cluster(t, w, id); d.State != provisioner.ClusterPaused || d.NodeRows[0].State != provisioner.NodePaused {
		t.Errorf("it is %s, its node %s", d.State, d.NodeRows[0].State)
	}
	observe(t, w, n.Host.ID, after(t, w, 60), in(n, provisioner.MachinePaused, ""))
	if s := node(t, w, id).State; s != provisioner.NodePaused {
		t.Errorf("its host back it is %s", s)
	}
}

// A free test's cluster is not paused but ended.
func TestATestIsNotPaused(t *testing.T) {
	w := storetest.NewWorld(t)
	test := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(t.Context(), w.Organization, w.Person, w.Version, w.PoolID))
	var cluster uuid.UUID
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT cluster_id FROM acceptance_tests WHERE id = $1`, test).Scan(&cluster))
	if r := storetest.WantRefusal(t, w.DB.Machines.PauseCluster(t.Context(), w.Person, w.Provider, cluster, "it attacks others"), "state"); !strings.Contains(r.Next, "End it") {
		t.Errorf("refused with %+v", r)
	}
}
