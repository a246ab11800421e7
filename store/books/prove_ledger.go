package books

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ProveLedger runs VerifyLedger once a day (UTC, by the database's clock): the first worker to ask does it, and for all
// others that day ran is false. A proof whose worker died, or that failed with an error, is repeated after an hour.
func (db *DB) ProveLedger(ctx context.Context, worker string) (proof LedgerProof, ran bool, err error) {
	proof.Worker = worker
	err = db.pool.QueryRow(ctx, `
		INSERT INTO ledger_proofs AS p (day, worker, started_at) VALUES ((now() AT TIME ZONE 'UTC')::date, $1, now())
		ON CONFLICT (day) DO UPDATE SET worker = excluded.worker, started_at = excluded.started_at
			WHERE p.ended_at IS NULL AND p.started_at < now() - $2::interval
		RETURNING day, started_at`, worker, ProofPatience).Scan(&proof.Day, &proof.StartedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return LedgerProof{}, false, nil
	}
	if err != nil {
		return LedgerProof{}, false, fmt.Errorf("begin the day's proof of the ledger: %w", err)
	}
	report, err := db.VerifyLedger(ctx)
	if err != nil {
		return proof, true, err
	}
	proof.Journals, proof.Entries = report.Journals, report.Entries
	if report.Difference != nil {
		proof.Difference = report.Difference.Error()
	}
	if err := db.endProof(ctx, &proof); err != nil {
		return proof, true, fmt.Errorf("write down the day's proof of the ledger: %w", err)
	}
	return proof, true, nil
}

// endProof writes down what a proof found, and writes to the platform's admins where that is a difference.
func (db *DB) endProof(ctx context.Context, proof *LedgerProof) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			UPDATE ledger_proofs SET ended_at = clock_timestamp(), journals = $4, entries = $5, difference = nullif($6, '')
			WHERE day = $1 AND worker = $2 AND started_at = $3 RETURNING ended_at`,
			proof.Day, proof.Worker, proof.StartedAt, proof.Journals, proof.Entries, proof.Difference).Scan(&proof.EndedAt)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // another worker took it over
		}
		if err != nil || proof.Difference == "" {
			return err
		}
		rows, _ := tx.Query(ctx, `SELECT id FROM people WHERE platform_admin`)
		admins, err := store.All(rows, "admins of the platform", pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		return db.core.MailTo(ctx, tx, admins, store.MailLedgerDiffers, map[string]string{
			"day": proof.Day.Format(time.DateOnly), "difference": proof.Difference, "path": "/platform",
		})
	})
}
