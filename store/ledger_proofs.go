package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// LedgerProof is one day's proof that the ledger is whole, or what differed.
type LedgerProof struct {
	Day        time.Time // midnight, UTC
	Worker     string
	StartedAt  time.Time
	EndedAt    *time.Time // nil: at work, or its worker died
	Journals   int
	Entries    int
	Difference string // the first one; empty: none
}

// proofPatience is after how long another worker takes a proof over that was begun and never ended.
const proofPatience = time.Hour

// ProveLedger runs VerifyLedger once a day (UTC, by the database's clock): the first worker to ask does it, and for all
// others that day ran is false. A proof whose worker died, or that failed with an error, is repeated after an hour.
func (db *DB) ProveLedger(ctx context.Context, worker string) (proof LedgerProof, ran bool, err error) {
	proof.Worker = worker
	err = db.pool.QueryRow(ctx, `
		INSERT INTO ledger_proofs AS p (day, worker, started_at) VALUES ((now() AT TIME ZONE 'UTC')::date, $1, now())
		ON CONFLICT (day) DO UPDATE SET worker = excluded.worker, started_at = excluded.started_at
			WHERE p.ended_at IS NULL AND p.started_at < now() - $2::interval
		RETURNING day, started_at`, worker, proofPatience).Scan(&proof.Day, &proof.StartedAt)
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
	return db.tx(ctx, func(tx pgx.Tx) error {
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
		admins, err := all(rows, "admins of the platform", pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		return db.mailTo(ctx, tx, admins, MailLedgerDiffers, map[string]string{
			"day": proof.Day.Format(time.DateOnly), "difference": proof.Difference, "path": "/platform",
		})
	})
}

// LedgerProofs gives the last proofs, newest first.
func (db *DB) LedgerProofs(ctx context.Context, limit int) ([]LedgerProof, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT day, worker, started_at, ended_at, coalesce(journals, 0) AS journals, coalesce(entries, 0) AS entries, coalesce(difference, '') AS difference
		FROM ledger_proofs ORDER BY day DESC LIMIT $1`, limit)
	return all(rows, "proofs of the ledger", pgx.RowToStructByName[LedgerProof])
}
