package books

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// Known is what an audit run compares the ledger with: heads of older days, and the first of these that somebody changed.
type Known struct {
	Older  []billing.OlderHead
	Broken *billing.Difference
}

// AuditLedger runs VerifyLedger once a day (UTC, by the database's clock): the first worker to ask does it, and for all
// others that day did is false. An audit run whose worker died, or that failed with an error, is repeated after an hour. Where the
// ledger is whole its heads are written down, to be signed (UnsignedAnchors).
func (db *DB) AuditLedger(ctx context.Context, worker string, known Known) (run AuditRun, did bool, err error) {
	run.Worker = worker
	err = db.pool.QueryRow(ctx, `
		INSERT INTO audit_runs AS a (day, worker, started_at) VALUES ((now() AT TIME ZONE 'UTC')::date, $1, now())
		ON CONFLICT (day) DO UPDATE SET worker = excluded.worker, started_at = excluded.started_at
			WHERE a.ended_at IS NULL AND a.started_at < now() - $2::interval
		RETURNING day, started_at`, worker, AuditPatience).Scan(&run.Day, &run.StartedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return AuditRun{}, false, nil
	}
	if err != nil {
		return AuditRun{}, false, fmt.Errorf("begin the day's audit run: %w", err)
	}
	report, err := db.VerifyLedger(ctx, known.Older...)
	if err != nil {
		return run, true, err
	}
	if report.Difference == nil {
		report.Difference = known.Broken
	}
	run.Journals, run.Entries = report.Journals, report.Entries
	if report.Difference != nil {
		run.Difference = report.Difference.Error()
	}
	if err := db.endAuditRun(ctx, &run, report.Heads); err != nil {
		return run, true, fmt.Errorf("write down the day's audit run: %w", err)
	}
	return run, true, nil
}

// endAuditRun writes down what an audit run found: the heads of a whole ledger, or a difference, of which it writes to the platform's admins.
func (db *DB) endAuditRun(ctx context.Context, run *AuditRun, heads []billing.Head) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			UPDATE audit_runs SET ended_at = clock_timestamp(), journals = $4, entries = $5, difference = nullif($6, '')
			WHERE day = $1 AND worker = $2 AND started_at = $3 RETURNING ended_at`,
			run.Day, run.Worker, run.StartedAt, run.Journals, run.Entries, run.Difference).Scan(&run.EndedAt)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // another worker took it over
		}
		if err != nil {
			return err
		}
		if run.Difference == "" {
			return writeAnchors(ctx, tx, run, heads)
		}
		// Of the whole ledger: it has no subject but the day.
		return db.core.Tell(ctx, tx, store.EventLedger, store.Happening{
			Mark: run.Day.Format(time.DateOnly), Kind: store.MailLedgerDiffers,
			Data: map[string]string{"day": run.Day.Format(time.DateOnly), "difference": run.Difference, "path": "/platform"},
		})
	})
}
