package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/billing"
	"volary.dev/cmd/internal/postgres"
	"volary.dev/cmd/internal/setup"
	"volary.dev/migrations"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

const (
	placeHosts    = 1_250 // of 32 vCPUs
	placeStanding = 20_000
	placeClusters = 200 // that the standing nodes are of
	placeNodes    = 128 // of a launch
	placeRounds   = 100
	placeWarm     = 5 // rounds that do not count
	placeP99      = 50 * time.Millisecond
	tpcbSeconds   = 15
	tpcbPerLaunch = 40 // transactions of TPC-B that one launch may take the time of
)

// benchPlace launches clusters on a large pool, one after the other, each from the command to its commit; and has pgbench run its TPC-B
// on the same server by one client, too. The server waits for the disk, as a deployment's does.
func benchPlace(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	pgbench, err := exec.LookPath("pgbench")
	if err != nil {
		return ours, theirs, fmt.Errorf("%w: there is no pgbench here (%w)", errNotTaken, err)
	}
	dir := c.path("bench-place")
	defer os.RemoveAll(dir)
	server, err := postgres.Start(ctx, postgres.Options{Dir: dir})
	if err != nil {
		return ours, theirs, err
	}
	defer server.Stop()
	users, drop, err := scratchDatabase(ctx, server.URL())
	if err != nil {
		return ours, theirs, err
	}
	defer drop()
	pool, err := setup.Pool(ctx, users.Owner, setup.PoolOptions{Name: "bench", Max: 4})
	if err != nil {
		return ours, theirs, err
	}
	defer pool.Close()
	b, err := newPlaceBench(ctx, pool)
	if err != nil {
		return ours, theirs, err
	}
	tpcb, err := runTPCB(ctx, pgbench, users.Owner)
	if err != nil {
		return ours, theirs, err
	}
	took, err := b.rounds(ctx)
	if err != nil {
		return ours, theirs, err
	}
	var sum time.Duration
	for _, d := range took {
		sum += d
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	note("command to commit: p50 %.1f ms, p99 %.1f ms (aim at most %d ms)", ms(took[len(took)/2]), ms(p99), placeP99.Milliseconds())
	note("pgbench's TPC-B: %.0f transactions/s", tpcb)
	return figure{"launches of 128 nodes", float64(len(took)) / sum.Seconds(), "launches/s"},
		figure{"a fortieth of TPC-B", tpcb / tpcbPerLaunch, "transactions/s"}, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// placeBench is a World with a large pool.
type placeBench struct {
	*storetest.World
	version uuid.UUID
}

func newPlaceBench(ctx context.Context, pool *pgxpool.Pool) (b placeBench, err error) {
	if err := store.Migrate(ctx, pool, migrations.FS); err != nil {
		return b, err
	}
	err = withFixtures(ctx, func(t testing.TB) {
		b.World = storetest.NewWorldOver(t, floors.New(pool, store.Options{}), pool)
		b.version = b.PublishGroups(t, "2.0", provisioner.Group{Name: "compute", Count: provisioner.Count{Most: placeNodes}})
		b.Grant(t, b.Organization, 1_000_000*billing.ComputeHour)
	})
	if err != nil {
		return b, err
	}
	note("%d hosts and %d nodes", placeHosts, placeStanding)
	_, err = pool.Exec(ctx, `
		INSERT INTO hosts (id, provider_id, pool_id, name, scheme, address, port, underlay, machine, state, acceleration, vcpus, memory_mib, disk_gib, checked, check_state,
			created_at, enrolled_at, uefi, processors, cpu_model)
		SELECT gen_random_uuid(), $1, $2, 'many-' || n, 'memory', 'many-' || n, 0, '198.18.0.0'::inet + n, gen_random_uuid(), 'active', 'kvm', 32, 65536, 1000, true, 'passed',
			now(), now(), true, 32, 'Sample 32' FROM generate_series(1, $3::int) n`, b.Provider, b.PoolID, placeHosts)
	if err != nil {
		return b, fmt.Errorf("hosts: %w", err)
	}
	return b, b.fill(ctx)
}

// fill puts nodes on the hosts, as many on each.
func (b placeBench) fill(ctx context.Context) error {
	_, err := b.Pool.Exec(ctx, `
		INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, lease_seconds, document_digest, created_at)
		SELECT gen_random_uuid(), $1, $2, $3, v.id, $5, 'cluster', 'standing-' || n, 'running', 3600, v.document_digest, now()
		  FROM model_versions v, generate_series(1, $6::int) n WHERE v.id = $4`, b.Organization, b.Provider, b.PoolID, b.version, b.Person, placeClusters)
	if err != nil {
		return fmt.Errorf("clusters: %w", err)
	}
	_, err = b.Pool.Exec(ctx, `
		INSERT INTO batches (id, cluster_id, organization_id, kind, held, created_at) SELECT id, id, organization_id, 'launch', 0, now() FROM clusters`)
	if err != nil {
		return fmt.Errorf("batches: %w", err)
	}
	_, err = b.Pool.Exec(ctx, `
		INSERT INTO nodes (id, batch_id, cluster_id, organization_id, provider_id, host_id, role, group_name, name, mac, address, shape_name, vcpus, memory_mib, disk_gib,
			rate, image_id, image_digest, state, start_id, state_at)
		SELECT gen_random_uuid(), c.id, c.id, c.organization_id, c.provider_id, h.id, 'compute', 'compute', 'compute-' || n, '52:54:00:00:00:01', '10.64.0.11', 'small', 1, 512, 2,
			1000, $1, $2, 'ready', 's1', now()
		  FROM (SELECT *, row_number() OVER (ORDER BY id) - 1 AS at FROM clusters) c CROSS JOIN generate_series(1, $3::int) n
		  JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS at FROM hosts WHERE name LIKE 'many-%') h ON h.at = (c.at * $3::int + n) % $4::int`,
		b.Image, storetest.Digest, placeStanding/placeClusters, placeHosts)
	if err != nil {
		return fmt.Errorf("nodes: %w", err)
	}
	_, err = b.Pool.Exec(ctx, `VACUUM ANALYZE`) // as a database that lives has been
	return err
}

// rounds launches one cluster after the other, and deletes each before the next.
func (b placeBench) rounds(ctx context.Context) (took []time.Duration, err error) {
	for n := range placeWarm + placeRounds {
		begun := time.Now()
		id, err := b.DB.Machines.LaunchCluster(ctx, b.Organization, b.Person, machines.LaunchRequest{
			VersionID: b.version, PoolID: b.PoolID, Name: fmt.Sprintf("placed-%d", n+1), Counts: machines.Counts{"compute": placeNodes - 1}, LeaseSeconds: 3600,
		})
		if err != nil {
			return nil, err
		}
		if n >= placeWarm {
			took = append(took, time.Since(begun))
		}
		if err := b.DB.Machines.DeleteCluster(ctx, b.Organization, b.Person, id); err != nil {
			return nil, err
		}
		if err := b.DB.Machines.MarkNodesGone(ctx, id); err != nil {
			return nil, err
		}
	}
	return took, nil
}

var tpsLine = regexp.MustCompile(`tps = ([0-9.]+)`)

// runTPCB gives the transactions per second of pgbench's script by one client.
func runTPCB(ctx context.Context, pgbench, databaseURL string) (float64, error) {
	var out []byte
	for _, args := range [][]string{{"-i", "-q", "-s", "10"}, {"-n", "-c", "1", "-T", strconv.Itoa(tpcbSeconds)}} {
		var err error
		if out, err = exec.CommandContext(ctx, pgbench, append(args, databaseURL)...).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("pgbench: %w: %s", err, out)
		}
	}
	m := tpsLine.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("pgbench says no tps: %s", out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
