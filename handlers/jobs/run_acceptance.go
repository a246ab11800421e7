package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"volary.dev/handlers/loops"
	"volary.dev/provisioner"
	"volary.dev/provisioner/acceptance"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/queue"
)

// How an acceptance test is followed.
const (
	// reportGrace is how long guests have, once the cluster is ready, to report and to reach their head; the script in
	// the seed tries for two minutes.
	reportGrace = 2*time.Minute + 10*time.Second
	// stopGrace is how long a shutdown may take: the reconciler forces what has not gone by provisioner.PowerOffTime.
	stopGrace = provisioner.PowerOffTime + 30*time.Second
	// lookTimeout bounds one look: the longest of the version's own checks, and three hosts that do not answer.
	lookTimeout = provisioner.MostCommandTime + time.Minute
)

// RunAcceptance follows an acceptance test: the reconciler brings its cluster up, powers it off and deletes it like
// any other; this job looks on, and judges. It is one look: what was seen is kept with the test, and the job comes back
// by itself, so that a test that waits holds no place and the next look may be another worker's.
type RunAcceptance struct {
	river.WorkerDefaults[queue.RunAcceptance]
	loops.Engine
	Look time.Duration // between two looks at a test; 0 takes 500 ms
	own  ownRuns
}

// Timeout implements river.Worker.
func (*RunAcceptance) Timeout(*river.Job[queue.RunAcceptance]) time.Duration { return lookTimeout }

// Work implements river.Worker. A test that has ended, or whose worker died, is found as it is: what was found is in
// its evidence. A look that failed is taken again until the test's time is up; the database may have been away.
func (r *RunAcceptance) Work(ctx context.Context, job *river.Job[queue.RunAcceptance]) error {
	t, err := r.Models.TestForWorker(ctx, job.Args.TestID)
	if err != nil || t.State != models.TestRunning {
		return err
	}
	f := &followed{Engine: r.Engine, test: t, own: &r.own}
	over, err := f.step(ctx)
	if err == nil && over {
		return nil
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err() // the worker stops: another goes on
	}
	if err != nil {
		r.Log.WarnContext(ctx, "look at acceptance test", "test", t.ID, "error", err)
	}
	return river.JobSnooze(cmp.Or(r.Look, 500*time.Millisecond))
}

// followed is one test while it is looked at.
type followed struct {
	loops.Engine
	test models.AcceptanceTest
	own  *ownRuns
	work machines.ClusterWork
	seen acceptance.Evidence
	kept json.RawMessage // the evidence as it was read
}

// step is one look, and what follows from it. It tells whether the test has ended.
func (f *followed) step(ctx context.Context) (over bool, err error) {
	if err := f.recall(ctx); err != nil {
		return false, err
	}
	over, err = f.look(ctx)
	if late := f.work.Now.Sub(f.begun()) > time.Duration(f.test.LimitSeconds)*time.Second; late && !over {
		// A test must not stay open for ever.
		over, f.seen.Over, f.seen.Why = true, true, "The test was not over within "+refusal.Lasting(time.Duration(f.test.LimitSeconds)*time.Second)+"."
		if err != nil {
			f.Log.WarnContext(ctx, "acceptance test given up", "test", f.test.ID, "error", provisioner.Cause(err))
		}
		err = nil
	}
	if err != nil {
		return false, err
	}
	if over {
		return true, f.finish(ctx)
	}
	return false, f.report(ctx)
}

// begun is when the test's cluster was reserved, from which its limit counts.
func (f *followed) begun() time.Time {
	if f.test.BegunAt == nil {
		return f.test.CreatedAt
	}
	return *f.test.BegunAt
}

// recall takes up what earlier looks have seen.
func (f *followed) recall(ctx context.Context) (err error) {
	if f.kept, err = f.Models.TestEvidence(ctx, f.test.ID); err != nil {
		return err
	}
	if err := json.Unmarshal(f.kept, &f.seen); err != nil {
		return fmt.Errorf("evidence of test %s: %w", f.test.ID, err)
	}
	f.seen.Recall(f.test.Report)
	return nil
}

// look takes in one more time what the database and the hosts say, and tells whether the test is over.
func (f *followed) look(ctx context.Context) (over bool, err error) {
	if f.work, err = f.Machines.ClusterForReconcile(ctx, f.test.ClusterID); err != nil {
		return false, err
	}
	f.takeNodes()
	if f.work.Desired == provisioner.DesiredGone {
		// The reconciler gave the launch up, or somebody deleted the cluster.
		f.seen.Over, f.seen.Why = true, f.why()
		return true, nil
	}
	for _, host := range f.hosts() {
		f.lookAtHost(ctx, host)
	}
	switch {
	case !f.seen.AskedAgain.IsZero():
		return f.secondOver(), nil
	case f.work.Desired == provisioner.DesiredRunning:
		return false, f.afterReady(ctx)
	case !f.stopped():
		return false, nil
	case f.seen.Over: // not all of them went off
		return true, nil
	}
	return f.afterStop(ctx)
}

// why is the reason of a cluster that was given up, in words.
func (f *followed) why() string {
	words := []string{"The cluster ended: " + provisioner.ReasonText(f.work.Reason) + "."}
	if f.work.ReasonDetail != "" {
		words = append(words, f.work.ReasonDetail)
	}
	return strings.Join(words, " ")
}

// takeNodes brings the evidence up to what the database says of the nodes.
func (f *followed) takeNodes() {
	if len(f.seen.Nodes) == 0 {
		f.seen.Nonce = f.test.Nonce
		for _, n := range f.work.Nodes {
			f.seen.Nodes = append(f.seen.Nodes, acceptance.Node{Name: n.Name, Role: n.Role, Host: n.Host.Name, Gate: n.Group.Gate.Kind, Address: n.Address, MAC: strings.ToLower(n.MAC.String())})
		}
		f.takeOwn()
	}
	for i, n := range f.work.Nodes {
		seen := &f.seen.Nodes[i]
		if n.StartedAt != nil && seen.StartedAt.IsZero() {
			seen.StartedAt = *n.StartedAt
		}
		if n.State == provisioner.NodeStopping && seen.AskedOff.IsZero() {
			seen.AskedOff = n.StateAt
		}
	}
	if f.work.ReadyAt != nil && f.seen.AskedAgain.IsZero() {
		f.seen.ReadyAt = *f.work.ReadyAt
	}
}

func (f *followed) hosts() []machines.HostWork {
	var hosts []machines.HostWork
	seen := map[uuid.UUID]bool{}
	for _, n := range f.work.Nodes {
		if n.State != provisioner.NodeReserved && !seen[n.Host.ID] {
			seen[n.Host.ID] = true
			hosts = append(hosts, n.Host)
		}
	}
	return hosts
}

// lookAtHost looks at the nodes of one host. A host that does not answer is the reconciler's business: this look
// proves nothing, that is all.
func (f *followed) lookAtHost(ctx context.Context, host machines.HostWork) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := f.Hosts.With(ctx, host.Address, func(d provisioner.Driver) error {
		addresses, err := d.Addresses(ctx, f.work.VNI)
		if err != nil {
			return err
		}
		o, err := d.Observe(ctx)
		if err != nil {
			return err
		}
		machines := loops.MachinesOf(o)
		var here []int
		var queries []provisioner.ConsoleQuery
		for i, n := range f.work.Nodes {
			if n.Host.ID == host.ID && n.State != provisioner.NodeReserved {
				here = append(here, i)
				queries = append(queries, f.seen.Nodes[i].Query(n.ID, f.seen.Nonce))
			}
		}
		texts, err := d.Consoles(ctx, queries)
		if err != nil {
			return err
		}
		for at, i := range here {
			n := f.work.Nodes[i]
			f.takeMachine(i, addresses[strings.ToLower(n.MAC.String())], texts[at], loops.Runs(machines[n.ID]))
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		f.Log.InfoContext(ctx, "look at acceptance test", "test", f.test.ID, "host", host.ID, "error", err)
	}
}

// takeMachine takes in what a host says of one node.
func (f *followed) takeMachine(i int, given netip.Addr, console provisioner.ConsoleText, running bool) {
	seen, now := &f.seen.Nodes[i], f.work.Now
	if !f.seen.AskedAgain.IsZero() {
		seen.LookAgain(f.seen.Nonce, console, now)
		return
	}
	seen.Look(f.seen.Nonce, given, console, now)
	if !running && !seen.AskedOff.IsZero() && seen.Off.IsZero() {
		seen.Off = now
		seen.Forced = now.Sub(seen.AskedOff) >= provisioner.PowerOffTime
	}
}

// afterReady asks for the cluster's end once everything that guests report was seen, or is not to be expected any more, and what needs a
// running cluster was looked at.
func (f *followed) afterReady(ctx context.Context) error {
	if f.seen.ReadyAt.IsZero() {
		return nil
	}
	if !f.seen.Told() && f.work.Now.Sub(f.seen.ReadyAt) < reportGrace {
		return nil
	}
	if err := f.askAgent(ctx); err != nil {
		return err
	}
	if done, err := f.runOwn(ctx); err != nil || !done {
		return errors.Join(err, f.report(ctx))
	}
	if !f.signIn(ctx) {
		return f.report(ctx)
	}
	f.readCounters(ctx)
	// When guests were asked is kept before they are: a worker that goes on may find them off already.
	for i := range f.seen.Nodes {
		f.seen.Nodes[i].AskedOff = f.work.Now
	}
	if err := f.report(ctx); err != nil {
		return err
	}
	err := f.Machines.StopCluster(ctx, f.test.OrganizationID, uuid.Nil, f.test.ClusterID)
	if r, ok := refusal.As(err); ok && r.Code == "state" {
		return nil // it ended by itself meanwhile; the next look says how
	}
	if err != nil {
		return fmt.Errorf("stop test %s: %w", f.test.ID, err)
	}
	return nil
}

// stopped tells whether every node is off and written down so, or should have been.
func (f *followed) stopped() bool {
	over, late := true, true
	for i, n := range f.work.Nodes {
		seen := &f.seen.Nodes[i]
		if n.State == provisioner.NodeStopped && seen.Off.IsZero() && !seen.AskedOff.IsZero() {
			seen.Off = n.StateAt
			seen.Forced = n.StateAt.Sub(seen.AskedOff) >= provisioner.PowerOffTime
		}
		over = over && (n.State == provisioner.NodeStopped || n.State == provisioner.NodeGone)
		late = late && !seen.AskedOff.IsZero() && f.work.Now.Sub(seen.AskedOff) > stopGrace
	}
	f.seen.Over = late && !over
	return over || late
}

// report keeps the report and the evidence where they differ from the last ones.
func (f *followed) report(ctx context.Context) error {
	r := acceptance.Judge(f.seen)
	evidence, err := json.Marshal(f.seen)
	if err != nil {
		return fmt.Errorf("evidence of test %s: %w", f.test.ID, err)
	}
	if sameJSON(r, f.test.Report) && sameJSON(f.seen, f.kept) {
		return nil
	}
	return f.Models.RecordTestProgress(ctx, f.test.ID, r, evidence)
}

// sameJSON tells whether two values are written the same: the database keeps them in a form and a zone of its own.
func sameJSON(a, b any) bool {
	var parsed [2]any
	for i, v := range []any{a, b} {
		text, err := json.Marshal(v)
		if err != nil || json.Unmarshal(text, &parsed[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(parsed[0], parsed[1])
}

func (f *followed) finish(ctx context.Context) error {
	f.seen.Over = true
	r := acceptance.Judge(f.seen)
	f.Log.InfoContext(ctx, "acceptance test over", "test", f.test.ID, "passed", r.Passed())
	return f.Models.FinishAcceptanceTest(ctx, f.test.ID, r.Passed(), r)
}
