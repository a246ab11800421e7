package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/billing"
	"volary.dev/store/floors"
	"volary.dev/store/storetest"
)

const (
	exportedLines    = 1_000_000
	exportAboveIdle  = 64.0 // MiB
	nodesOfACluster  = 100
	exportedSeconds  = 1800
	exportedAt       = "2026-11-10 10:00+00"
	exportedInMonths = "2026-11"
)

// benchExport writes a month of many runs as CSV, and has psql copy the same rows to a file.
func benchExport(lines int) func(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	return func(ctx context.Context, c checkout) (ours, theirs figure, err error) {
		err = overBooks(ctx, c, func(pool *pgxpool.Pool, w *storetest.World, db *floors.All) error {
			if err := exportedMonth(ctx, pool, w, lines); err != nil {
				return err
			}
			folder, err := os.MkdirTemp("", "volary-bench-export-*")
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(folder) }()
			month, err := billing.ParseMonth(exportedInMonths)
			if err != nil {
				return err
			}
			// Once before and once after: who comes first finds the tables cold.
			first, err := copyExport(ctx, pool, db, w, month, filepath.Join(folder, "copied.csv"))
			if err != nil {
				return err
			}
			took, above, err := timedExport(ctx, db, w, month, filepath.Join(folder, "exported.csv"), lines)
			if err != nil {
				return err
			}
			second, err := copyExport(ctx, pool, db, w, month, filepath.Join(folder, "copied.csv"))
			if err != nil {
				return err
			}
			ratio := above / exportAboveIdle
			fmt.Printf("  %-28s %10.2f MiB\n  %-28s %10.2f MiB\n", "memory above idle", above, "what it may take", exportAboveIdle)
			fmt.Printf("export-memory: ratio %.2f, aim %s\n", ratio, aim{ratio: 1, atMost: true})
			ours = figure{"the usage CSV", float64(lines) / took.Seconds(), "lines/s"}
			theirs = figure{`psql \copy`, float64(lines) / min(first, second).Seconds(), "lines/s"}
			if ratio > 1 {
				return fmt.Errorf("the export takes %.1f MiB above idle: %w", above, errExportMemory)
			}
			return nil
		})
		return ours, theirs, err
	}
}

var errExportMemory = errors.New("that is more than it may take")

// timedExport writes the file as the command does, and says what memory it took above what there was.
func timedExport(ctx context.Context, db *floors.All, w *storetest.World, month billing.Month, path string, lines int) (took time.Duration, above float64, err error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	debug.FreeOSMemory()
	idle, err := memoryOf(os.Getpid(), "VmRSS")
	if err != nil {
		return 0, 0, err
	}
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // the peak begins anew
		return 0, 0, err
	}
	begun := time.Now()
	if err := db.Books.ExportUsage(ctx, w.Provider, month, billing.NewCSV(file, billing.UsageRuns)); err != nil {
		return 0, 0, err
	}
	took = time.Since(begun)
	peak, err := memoryOf(os.Getpid(), "VmHWM")
	if err != nil {
		return 0, 0, err
	}
	n, err := countLines(path)
	if err == nil && n != lines+1 {
		err = fmt.Errorf("the export has %d lines, not %d and a header", n, lines)
	}
	return took, peak - idle, err
}

func countLines(path string) (n int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for lines := bufio.NewScanner(file); lines.Scan(); n++ {
	}
	return n, nil
}

// copyExport has psql write the rows that the export reads.
func copyExport(ctx context.Context, pool *pgxpool.Pool, db *floors.All, w *storetest.World, month billing.Month, path string) (time.Duration, error) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		return 0, fmt.Errorf("%w: there is no psql here (%w)", errNotTaken, err)
	}
	place, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return 0, err
	}
	p := month.Period(place)
	quoted := func(s string) string { return "'" + s + "'" }
	sql := strings.NewReplacer("$1", quoted(w.Provider.String()), "$2", quoted(p.From.Format(time.RFC3339)), "$3", quoted(p.To.Format(time.RFC3339)), "$4", "NULL", "$5", quoted(month.FirstDay()), "\n", " ", "\t", " ").
		Replace(db.Books.RunUseSQL())
	config := pool.Config().ConnConfig
	cmd := exec.CommandContext(ctx, psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", `\copy (`+sql+`) TO '`+path+`' CSV HEADER`)
	cmd.Env = append(os.Environ(), "PGHOST="+config.Host, fmt.Sprintf("PGPORT=%d", config.Port), "PGUSER="+config.User, "PGPASSWORD="+config.Password, "PGDATABASE="+config.Database, "PGTZ=UTC")
	begun := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("psql: %w: %s", err, out)
	}
	return time.Since(begun), nil
}

// exportedMonth fills the books with a run for each line, which one entry booked. The triggers of the tables are off meanwhile: they
// would have each of the rows come of a launch, proofs and a settling, which is not what is measured.
func exportedMonth(ctx context.Context, pool *pgxpool.Pool, w *storetest.World, lines int) error {
	if err := withFixtures(ctx, func(t testing.TB) { w.Grant(t, w.Organization, billing.Hours(lines)*billing.ComputeHour) }); err != nil {
		return err
	}
	tables := []string{"clusters", "nodes", "runs", "run_bookings", "usage_lines", "ledger_entries", "ledger_postings"}
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for _, name := range tables {
			if _, err := tx.Exec(ctx, `ALTER TABLE `+name+` DISABLE TRIGGER USER`); err != nil {
				return err
			}
		}
		for _, q := range []struct {
			sql  string
			args []any
		}{
			{`INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, lease_seconds, document_digest, created_at, cost_centre)
				SELECT gen_random_uuid(), $1, $2, $3, v.id, $5, 'cluster', 'many-' || n, 'running', 3600, v.document_digest, now(), '0042'
				  FROM model_versions v, generate_series(1, $6::int) n WHERE v.id = $4`, []any{w.Organization, w.Provider, w.PoolID, w.Version, w.Person, (lines + nodesOfACluster - 1) / nodesOfACluster}},
			{`INSERT INTO nodes (id, cluster_id, organization_id, provider_id, host_id, role, group_name, name, mac, address, shape_name, vcpus, memory_mib, disk_gib,
				rate, image_id, image_digest, state, start_id, state_at)
				SELECT gen_random_uuid(), c.id, c.organization_id, c.provider_id, $1, 'compute', 'compute', 'compute-' || n, '52:54:00:00:00:01', '10.64.0.11', 'small', 1, 512, 1, 1000, $2, '', 'ready', 's1', now()
				  FROM clusters c, generate_series(1, $3::int) n WHERE c.name LIKE 'many-%' LIMIT $4`, []any{w.Hosts[0], w.Image, nodesOfACluster, lines}},
			{`INSERT INTO runs (id, wallet_id, cluster_id, node_id, start_id, rate, started_at, ended_at, ends_by, proven_at)
				SELECT gen_random_uuid(), l.id, n.cluster_id, n.id, 's1', 1000, $1::text::timestamptz, $1::text::timestamptz + make_interval(secs => $2), $1::text::timestamptz + interval '2 h', $1::text::timestamptz + make_interval(secs => $2)
				  FROM nodes n JOIN wallets l ON l.organization_id = n.organization_id AND l.provider_id = n.provider_id WHERE n.name LIKE 'compute-%'`, []any{exportedAt, exportedSeconds}},
			{`INSERT INTO run_bookings (run_id, wallet_id, booked_until) SELECT id, wallet_id, ended_at FROM runs`, nil},
			{`INSERT INTO ledger_entries (wallet_id, seq, kind, at, key, period_from, period_to, lines, lines_digest, previous, hash, accounting_date, period)
				SELECT w.id, 1000, 'use', now(), 'bench', $1::text::timestamptz, $1::text::timestamptz + make_interval(secs => $2), $3, sha256('x'), sha256('y'), sha256('z'), '2026-11-10', '2026-11-01'
				  FROM wallets w WHERE w.id = (SELECT wallet_id FROM runs LIMIT 1)`, []any{exportedAt, exportedSeconds, lines}},
			{`INSERT INTO usage_lines (run_id, from_at, lot_id, to_at, wallet_id, seq, cluster_id, node_id, rate, hours, cost)
				SELECT r.id, r.started_at, (SELECT id FROM lots WHERE wallet_id = r.wallet_id LIMIT 1), r.ended_at, r.wallet_id, 1000, r.cluster_id, r.node_id, r.rate, $1::bigint * r.rate, 12 FROM runs r`, []any{exportedSeconds}},
			{`INSERT INTO ledger_postings (wallet_id, seq, number, lot_id, account, hours)
				SELECT wallet_id, 1000, 1, lot_id, 'used', sum(hours)::bigint FROM usage_lines GROUP BY wallet_id, lot_id`, nil},
		} {
			if _, err := tx.Exec(ctx, q.sql, q.args...); err != nil {
				return fmt.Errorf("%.60s: %w", q.sql, err)
			}
		}
		return nil
	})
	if err == nil {
		_, err = pool.Exec(ctx, `ANALYZE`) // as a database that lives has been
	}
	return err
}
