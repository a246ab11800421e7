package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/machines"
)

// chaos launches, stops, starts and deletes clusters at random, and breaks meanwhile what they stand on, one part after the other.
type chaos struct {
	*volary
	group group

	clusters []uuid.UUID
	refused  map[string]int // by code
	acts     int
	deaths   []death
}

// death is a machine's end that nobody asked for.
type death struct {
	node uuid.UUID
	at   time.Time // by then it was over
	why  string
}

const (
	chaosFaults = 8  // in every run
	chaosLong   = 82 // of `dev test -full`
	chaosAtOnce = 3  // clusters
	// billedPast is how much later than a machine's death its run may end: one round of the observer.
	billedPast = 5 * time.Second
)

// faultsAtRandom ends processes, freezes and restarts daemons, cuts links and power, while clusters are launched, stopped, started
// and deleted. Afterwards every cluster is ready, stopped, or failed with a reason, and can be deleted; nothing of any is left on a host,
// every hold is released, the ledger is whole, and no machine was billed past its death. VOLARY_CHAOS_SEED repeats a run.
func faultsAtRandom(t *testing.T, v *volary) {
	seed, faults := rand.Uint64(), chaosFaults
	if os.Getenv(fullVariable) != "" {
		faults = chaosLong
	}
	if s := os.Getenv("VOLARY_CHAOS_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("VOLARY_CHAOS_SEED=%d, %d faults", seed, faults)
	c := &chaos{volary: v, group: groupOf(t, v), refused: map[string]int{}}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := v.watch(ctx); err != nil { // starts PostgreSQL again
			t.Error(err)
		}
	})
	acting, enough := context.WithCancel(t.Context())
	acted := make(chan struct{})
	go func() { defer close(acted); c.act(acting, t, rand.New(rand.NewPCG(seed, 1))) }()
	defer func() { enough(); <-acted; stop(); running.Wait() }()

	chance := rand.New(rand.NewPCG(seed, 2))
	kinds := c.faults()
	order := chance.Perm(len(kinds)) // each at least once, where there are as many
	for n := range faults {
		pause(t.Context(), time.Duration(chance.IntN(3000))*time.Millisecond)
		k := kinds[order[n%len(order)]]
		if n >= len(order) {
			k = kinds[chance.IntN(len(kinds))]
		}
		host := chance.IntN(len(v.lab.Hosts()))
		t.Logf("fault %d: %s", n+1, strings.ReplaceAll(k.what, "HOST", v.lab.Hosts()[host].Name))
		k.strike(t, host)
		if t.Failed() {
			return
		}
	}
	enough()
	<-acted
	c.settle(t)
	t.Logf("%d acts on %d clusters, refused: %v; %d machines died", c.acts, len(c.clusters), c.refused, len(c.deaths))
	if len(c.clusters) < 2 {
		t.Errorf("%d clusters were launched: nothing was tried", len(c.clusters))
	}
}

type fault struct {
	what   string
	strike func(t *testing.T, host int)
}

func (c *chaos) faults() []fault {
	return []fault{
		{"web is killed", func(t *testing.T, _ int) { c.killServer(t, c.web, c.address()+"/sign-in") }},
		{"the worker is killed", func(t *testing.T, _ int) { c.killServer(t, c.worker, c.workerURL()+"/healthz") }},
		{"PostgreSQL is killed", func(t *testing.T, _ int) { c.killDatabase(t) }},
		{"libvirtd of HOST is restarted", func(t *testing.T, host int) { must(t, c.lab.RestartDaemon(t.Context(), host)) }},
		{"libvirtd of HOST hangs", func(t *testing.T, host int) { c.freeze(t, host) }},
		{"HOST is unplugged", func(t *testing.T, host int) {
			must(t, c.lab.CutHost(t.Context(), host))
			pause(t.Context(), 6*time.Second)
			must(t, c.lab.JoinHost(t.Context(), host))
		}},
		{"a machine on HOST dies", func(t *testing.T, host int) { c.killMachine(t, host) }},
		{"the power of HOST goes", func(t *testing.T, host int) { c.cutPower(t, host) }},
	}
}

func (c *chaos) killServer(t *testing.T, d *daemon, url string) {
	pid := d.pid.Load()
	must(t, syscall.Kill(int(pid), syscall.SIGKILL))
	waittest.Until(t, d.name+" to be started again", func() bool { return d.pid.Load() != pid && answers(t.Context(), url) })
}

// outageLines is how many lines about the database one server may write while it is away: that it is, a reminder, and one for each of
// its connections that listen and opened again. A line for each try, or for each request, would be many.
const outageLines = 5

func (c *chaos) killDatabase(t *testing.T) {
	killed := c.postmaster()
	said := map[*daemon]int{c.web: aboutDatabase(t, c.web), c.worker: aboutDatabase(t, c.worker)}
	defer func() {
		for d, before := range said {
			if n := aboutDatabase(t, d) - before; n > outageLines {
				t.Errorf("%s wrote %d lines about the database that was away", d.name, n)
			}
		}
	}()
	must(t, syscall.Kill(killed, syscall.SIGKILL))
	waittest.Until(t, "another PostgreSQL", func() bool {
		pid := c.postmaster()
		return pid != 0 && pid != killed && c.pool.Ping(t.Context()) == nil
	})
}

// aboutDatabase counts what a server wrote of a database that it cannot reach.
func aboutDatabase(t *testing.T, d *daemon) (lines int) {
	b, err := os.ReadFile(d.log)
	must(t, err)
	for line := range strings.Lines(string(b)) {
		if store.AwayText(line) {
			lines++
		}
	}
	return lines
}

func (c *chaos) freeze(t *testing.T, host int) {
	b, err := os.ReadFile(filepath.Join(c.lab.HostDir(host), "daemon"))
	must(t, err)
	pid := strings.TrimSpace(string(b))
	_, err = c.lab.Run(t.Context(), host, "kill", "-STOP", pid)
	must(t, err)
	pause(t.Context(), 8*time.Second)
	_, err = c.lab.Run(t.Context(), host, "kill", "-CONT", pid)
	must(t, err)
}

// killMachine ends one node's QEMU, if there is one.
func (c *chaos) killMachine(t *testing.T, host int) {
	out, _ := c.lab.Run(t.Context(), host, "sh", "-c", `for p in $(pgrep qemu-system); do tr '\0' ' ' </proc/$p/cmdline | grep -o 'guest=volary-[0-9a-f-]*' | cut -c14-49; kill -9 $p; break; done`)
	if node, err := uuid.Parse(strings.TrimSpace(string(out))); err == nil {
		c.died(node, "killed on "+c.lab.Hosts()[host].Name)
	}
}

// cutPower ends a host and all that runs there.
func (c *chaos) cutPower(t *testing.T, host int) {
	must(t, c.lab.KillHost(t.Context(), host))
	name, at := c.lab.Hosts()[host].Name, time.Now()
	rows, err := c.pool.Query(t.Context(), `SELECT n.id FROM nodes n JOIN hosts h ON h.id = n.host_id JOIN runs r ON r.node_id = n.id
		WHERE h.name = $1 AND r.closed_at IS NULL AND r.started_at <= $2`, name, at)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		must(t, rows.Scan(&id))
		c.deaths = append(c.deaths, death{id, at, "without power on " + name})
	}
	must(t, rows.Err())
	must(t, c.lab.RestartHost(t.Context(), host))
}

func (c *chaos) died(node uuid.UUID, why string) {
	c.deaths = append(c.deaths, death{node, time.Now(), why})
}

// act does something to a cluster now and then, until ctx ends. What the database cannot take just now is tried again later.
func (c *chaos) act(ctx context.Context, t *testing.T, chance *rand.Rand) {
	for n := 0; ; n++ {
		pause(ctx, time.Duration(500+chance.IntN(2500))*time.Millisecond)
		if ctx.Err() != nil {
			return
		}
		if err := c.actOnce(ctx, chance, n); err != nil && ctx.Err() == nil {
			if r, ok := refusal.As(err); ok {
				c.refused[r.Code]++
			} else if !store.Away(err) {
				t.Errorf("an act failed: %v", err)
				return
			}
		}
	}
}

func (c *chaos) actOnce(ctx context.Context, chance *rand.Rand, n int) error {
	m, g := c.group.db.Machines, c.group
	type living struct {
		id    uuid.UUID
		state string // of all its nodes; "" where they differ
	}
	rows, err := c.pool.Query(ctx, `SELECT c.id, CASE WHEN count(DISTINCT n.state) = 1 THEN min(n.state) ELSE '' END
		FROM clusters c JOIN nodes n ON n.cluster_id = c.id
		WHERE c.id = ANY ($1) AND c.ended_at IS NULL AND c.desired <> 'gone' GROUP BY c.id ORDER BY c.id`, c.clusters)
	if err != nil {
		return err
	}
	defer rows.Close()
	var all []living
	for rows.Next() {
		var l living
		if err := rows.Scan(&l.id, &l.state); err != nil {
			return err
		}
		all = append(all, l)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(all) < chaosAtOnce {
		id, err := m.LaunchCluster(ctx, g.organization, g.person, machines.LaunchRequest{
			VersionID: g.version, PoolID: g.pool, Name: fmt.Sprintf("flock-%d", n), Counts: machines.Counts{"compute": 1 + chance.IntN(2)}, LeaseSeconds: 3600,
		})
		if err == nil {
			c.clusters, c.acts = append(c.clusters, id), c.acts+1
		}
		return err
	}
	l := all[chance.IntN(len(all))]
	if (l.state == "starting" || l.state == "reserved" || l.state == "") && chance.IntN(8) > 0 {
		return nil // most launches are let be
	}
	c.acts++
	switch {
	case l.state == "stopped" && chance.IntN(2) == 0:
		return m.StartCluster(ctx, g.organization, g.person, l.id, 3600)
	case l.state == "ready" && chance.IntN(2) == 0:
		return m.StopCluster(ctx, g.organization, g.person, l.id)
	default:
		return m.DeleteCluster(ctx, g.organization, g.person, l.id)
	}
}

// settle waits until all is quiet, and looks at what is there.
func (c *chaos) settle(t *testing.T) {
	c.awaitHosts(t)
	c.await(t, "every cluster to be ready, stopped, lost, failed or gone", `SELECT NOT EXISTS (SELECT FROM nodes n JOIN clusters c ON c.id = n.cluster_id
		WHERE c.id = ANY ($1) AND c.ended_at IS NULL AND (c.desired = 'gone' OR n.state NOT IN ('ready', 'stopped', 'lost', 'failed')))`, c.clusters)
	var unsaid int
	must(t, c.pool.QueryRow(t.Context(), `SELECT count(*) FROM clusters c JOIN nodes n ON n.cluster_id = c.id
		WHERE c.id = ANY ($1) AND n.state IN ('lost', 'failed') AND n.reason = '' AND c.reason = ''`, c.clusters).Scan(&unsaid))
	if unsaid > 0 {
		t.Errorf("%d nodes ended without a reason", unsaid)
	}
	for _, id := range c.clusters {
		must(t, c.group.db.Machines.DeleteCluster(t.Context(), c.group.organization, c.group.person, id))
	}
	c.await(t, "every cluster to be gone", `SELECT count(*) = 0 FROM clusters
		WHERE id = ANY ($1) AND (ended_at IS NULL OR vni IS NOT NULL OR subnet IS NOT NULL)`, c.clusters)
	c.nothingLeft(t)
	for _, d := range c.deaths {
		var past float64
		must(t, c.pool.QueryRow(t.Context(), `SELECT coalesce(max(extract(epoch FROM ended_at - $2)), 0)
			FROM runs WHERE node_id = $1 AND started_at <= $2`, d.node, d.at).Scan(&past))
		if past > billedPast.Seconds() {
			t.Errorf("node %s, %s at %s, was billed for %.1f s after that", d.node, d.why, d.at.Format(time.TimeOnly), past)
		}
	}
	p := &portal{volary: c.volary}
	if out := p.command(t, "", "ledger", "verify"); !strings.Contains(out, "whole") {
		t.Errorf("the ledger: %s", out)
	}
}

// pause waits for a while, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d): //nolint:forbidigo // the distance between two acts, at random
	case <-ctx.Done():
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
