package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"volary.dev/billing"
	"volary.dev/cmd/internal/setup"
	"volary.dev/migrations"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/storetest"
)

const (
	ledgerOperations = 200_000
	ledgerWriters    = 32
	bareJournals     = 4 // as a crowd has
	settledRuns      = 20_000
	settledClusters  = 200
)

// overBooks calls f with a World in a database of its own, and a store with a connection for each writer.
func overBooks(ctx context.Context, c checkout, f func(pool *pgxpool.Pool, w *storetest.World, db *floors.All) error) error {
	server, stop, err := c.testServer(ctx)
	if err != nil {
		return err
	}
	defer stop()
	users, drop, err := scratchDatabase(ctx, server)
	if err != nil {
		return err
	}
	defer drop()
	pool, err := setup.Pool(ctx, users.Owner, setup.PoolOptions{Name: "bench", Max: ledgerWriters + 2})
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := store.Migrate(ctx, pool, migrations.FS); err != nil {
		return err
	}
	db := floors.New(pool, store.Options{})
	var w *storetest.World
	if err := withFixtures(ctx, func(t testing.TB) { w = storetest.NewWorldOver(t, db, pool) }); err != nil {
		return err
	}
	return f(pool, w, db)
}

// benchLedger lets a crowd work on the books and proves them. Bare commits are the least that as many transactions take there.
func benchLedger(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	err = overBooks(ctx, c, func(pool *pgxpool.Pool, w *storetest.World, db *floors.All) error {
		bare, err := bareCommits(ctx, pool, ledgerOperations/10)
		if err != nil {
			return err
		}
		var crowd *storetest.Crowd
		if err := withFixtures(ctx, func(t testing.TB) { crowd = storetest.NewCrowd(t, w, db, ledgerWriters) }); err != nil {
			return err
		}
		report, err := crowd.Run(ctx, pool, ledgerOperations)
		if err != nil {
			return err
		}
		note("%d operations in %.0f s, %d refused for want of hours; %d entries: sums zero, nothing negative, chains whole",
			report.Operations, report.Took.Seconds(), report.Refused, report.Entries)
		ours = figure{"the books", float64(report.Operations) / report.Took.Seconds(), "operations/s"}
		theirs = figure{"a row behind a lock, bare", float64(ledgerOperations/10) / bare.Seconds(), "commits/s"}
		return nil
	})
	return ours, theirs, err
}

// bareCommits inserts rows one a transaction, each behind the lock of its journal, from as many writers.
func bareCommits(ctx context.Context, pool *pgxpool.Pool, commits int) (time.Duration, error) {
	for _, sql := range []string{
		`CREATE TABLE bare_heads (id int PRIMARY KEY, seq bigint NOT NULL)`, `CREATE TABLE bare_rows (head int NOT NULL, seq bigint NOT NULL, text text NOT NULL, PRIMARY KEY (head, seq))`,
		fmt.Sprintf(`INSERT INTO bare_heads SELECT n, 0 FROM generate_series(1, %d) n`, bareJournals),
	} {
		if _, err := pool.Exec(ctx, sql); err != nil {
			return 0, err
		}
	}
	begun := time.Now()
	all, ctx := errgroup.WithContext(ctx)
	for n := range ledgerWriters {
		all.Go(func() error {
			for range commits / ledgerWriters {
				err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
					var seq int64
					if err := tx.QueryRow(ctx, `UPDATE bare_heads SET seq = seq + 1 WHERE id = $1 RETURNING seq`, n%bareJournals+1).Scan(&seq); err != nil {
						return err
					}
					_, err := tx.Exec(ctx, `INSERT INTO bare_rows VALUES ($1, $2, repeat('x', 100))`, n%bareJournals+1, seq)
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := all.Wait()
	return time.Since(begun), err
}

// benchSettle settles an hour of many open runs of one journal, and then copies the lines that came of it to a table that has the
// same columns, keys, checks and indexes.
func benchSettle(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	err = overBooks(ctx, c, func(pool *pgxpool.Pool, w *storetest.World, db *floors.All) error {
		hour := time.Now().UTC().Truncate(time.Hour).Add(2 * time.Hour)
		if err := openRuns(ctx, pool, w, db, hour); err != nil {
			return err
		}
		begun := time.Now()
		s, err := db.Books.SettleUsage(ctx, hour.Add(2*time.Minute))
		took := time.Since(begun)
		if err != nil {
			return err
		}
		if s.Lines != settledRuns || s.SetAside != 0 {
			return fmt.Errorf("settled %+v", s)
		}
		proof, err := db.Books.VerifyLedger(ctx)
		if err == nil && proof.Difference != nil {
			err = proof.Difference
		}
		if err != nil {
			return err
		}
		if _, err := pool.Exec(ctx, `CREATE TABLE bare_lines (LIKE usage_lines INCLUDING ALL)`); err != nil {
			return err
		}
		begun = time.Now()
		tag, err := pool.Exec(ctx, `INSERT INTO bare_lines SELECT * FROM usage_lines`)
		if err == nil && tag.RowsAffected() != settledRuns {
			err = errors.New("the bare insert had " + tag.String())
		}
		ours = figure{"settled and booked", took.Seconds() * 1000, "ms"}
		theirs = figure{"INSERT .. SELECT, bare", time.Since(begun).Seconds() * 1000, "ms"}
		return err
	})
	return ours, theirs, err
}

// openRuns are those of clusters of 100 nodes each, which hold their hours and were proven for half an hour up to hour.
func openRuns(ctx context.Context, pool *pgxpool.Pool, w *storetest.World, db *floors.All, hour time.Time) error {
	if err := withFixtures(ctx, func(t testing.TB) { w.Grant(t, w.Organization, 100_000*billing.ComputeHour) }); err != nil {
		return err
	}
	for n := range settledClusters {
		id := uuid.Must(uuid.NewV7())
		if _, err := pool.Exec(ctx, `INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, lease_seconds, document_digest, created_at)
			SELECT $1, $2, $3, $4, id, $6, 'cluster', $7, 'running', 3600, document_digest, now() FROM model_versions WHERE id = $5`, id, w.Organization, w.Provider, w.PoolID, w.Version, w.Person, fmt.Sprintf("many-%d", n+1)); err != nil {
			return err
		}
		if _, err := pool.Exec(ctx, `INSERT INTO batches (id, cluster_id, organization_id, kind, held, created_at) VALUES ($1, $1, $2, 'launch', 0, now())`, id, w.Organization); err != nil {
			return err
		}
		if _, err := pool.Exec(ctx, `INSERT INTO nodes (id, batch_id, cluster_id, organization_id, provider_id, host_id, role, group_name, name, mac, address, shape_name, vcpus, memory_mib, disk_gib,
			rate, image_id, image_digest, state, start_id, state_at)
			SELECT gen_random_uuid(), $1, $1, $2, $3, $4, 'compute', 'compute', 'compute-' || n, '52:54:00:00:00:01', '10.64.0.11', 'small', 1, 512, 1, 1000, $5, '', 'ready', 's1', now()
			  FROM generate_series(1, $6::int) n`, id, w.Organization, w.Provider, w.Hosts[0], w.Image, settledRuns/settledClusters); err != nil {
			return err
		}
		err := db.Core.Tx(ctx, func(tx pgx.Tx) error {
			return db.Books.Hold(ctx, tx, w.Provider, w.Organization, id, billing.ComputeHour*settledRuns/settledClusters, hour)
		})
		if err != nil {
			return err
		}
	}
	_, err := pool.Exec(ctx, `
		INSERT INTO runs (id, wallet_id, cluster_id, node_id, start_id, rate, started_at, ended_at, ends_by, proven_at)
		SELECT gen_random_uuid(), l.id, n.cluster_id, n.id, 's1', 1000, $2::timestamptz - interval '30 min', $2, $2::timestamptz + interval '30 min', $2
		  FROM nodes n JOIN wallets l ON l.organization_id = n.organization_id WHERE n.organization_id = $1`, w.Organization, hour)
	if err == nil {
		_, err = pool.Exec(ctx, `ANALYZE`) // as a database that lives has been
	}
	return err
}
